"""Logging: one line per record, and nothing of a person in it."""

import re
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

# PostgreSQL quotes the row that broke a rule: "DETAIL:  Key (email)=(alice@example.org) already exists."
_ROW_VALUES = re.compile(r"\n(DETAIL|CONTEXT):[^\n]*")


def without_row_values(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Take the rows' values out of an exception's text."""
    if isinstance(text := event.get("exception"), str):
        event["exception"] = _ROW_VALUES.sub("", text)
    return event


def on_one_line(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Escape line breaks in a message, so that text from outside cannot forge a record."""
    event["event"] = str(event["event"]).replace("\r", "\\r").replace("\n", "\\n")
    return event


def configuration(*, level: str, renderer: Processor) -> dict[str, Any]:
    """The LOGGING setting. `structlog.get_logger()` and `logging.getLogger()` end in the same place."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # The traceback as text: the renderers that print local variables would print people.
        structlog.processors.format_exc_info,
        without_row_values,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": shared,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, on_one_line, renderer],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Its own handlers mail the administrators; ours is the root's.
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            # Names the account and the address of every failed login.
            "axes": {"level": "ERROR"},
            "celery.beat": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
        },
    }
