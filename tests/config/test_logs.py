import io
import json
import logging
import logging.config
from collections.abc import Iterator

import pytest
import structlog
from django.conf import settings

from loyalty.config import logs

# A traceback quotes lines of source, so the value stands in none of them.
ALICE = "alice@example.org"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What a production process writes, and afterwards the logging that there was."""
    written = io.StringIO()
    configuration = logs.configuration(level="INFO", renderer=structlog.processors.JSONRenderer())
    configuration["handlers"]["stderr"]["stream"] = written
    logging.config.dictConfig(configuration)
    yield written
    logging.config.dictConfig(settings.LOGGING)


def test_a_record_is_one_line_whatever_it_says(lines: io.StringIO) -> None:
    logging.getLogger("shop").warning("first\r\nsecond %s", "\n2026 [info] forged")
    structlog.get_logger("till").info("third\nfourth", code=7)
    records = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [record["logger"] for record in records] == ["shop", "till"]
    assert records[1]["code"] == 7


def save(email: str) -> None:
    raise ValueError(f"duplicate key\nDETAIL:  Key (email)=({email}) already exists.")


def test_an_error_is_told_without_the_values_of_the_row(lines: io.StringIO) -> None:
    try:
        save(ALICE)
    except ValueError:
        logging.getLogger("shop").exception("could not save")
    text = lines.getvalue()
    assert "duplicate key" in text
    assert ALICE not in text
    assert len(text.splitlines()) == 1
