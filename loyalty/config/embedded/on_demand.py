"""The embedded database for the length of one command."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from loyalty.config.embedded import postgres

# `demo` starts both servers itself, and `test` is pytest's work. The others never ask the database.
WITHOUT_DATABASE = {
    "check",
    "collectstatic",
    "compilemessages",
    "demo",
    "diffsettings",
    "findstatic",
    "help",
    "makemessages",
    "startapp",
    "version",
}


def needs_database(arguments: Sequence[str]) -> bool:
    """Whether this command line will want to talk to the embedded database."""
    if os.environ.get("DATABASE_URL") or os.environ.get("LAUREL_EMBEDDED") == "0":
        return False
    if not arguments or arguments[0].startswith("-"):
        return False
    return arguments[0] not in WITHOUT_DATABASE and not {"-h", "--help"} & set(arguments)


@contextmanager
def database(arguments: Sequence[str]) -> Iterator[None]:
    """Have the database answer while the block runs. One that runs already is used and left running.

    Raises EmbeddedError.
    """
    server = postgres.start(postgres.development_cluster()) if needs_database(arguments) else None
    try:
        yield
    finally:
        if server:
            server.end()
