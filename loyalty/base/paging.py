"""Lists by cursor: stable while rows arrive, and never slower on later pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from loyalty.base.errors import Invalid

DEFAULT_LIMIT = 25
MAX_LIMIT = 100

T = TypeVar("T")


def _digits(value: Any) -> Any:
    """Query text as a whole number: ASCII digits only, where int() would also take 1_000, blanks and ١٢."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 6:
        return int(value)
    raise PydanticCustomError("number_invalid", "Write a whole number.")


Limit = Annotated[int, BeforeValidator(_digits), Field(ge=1, le=MAX_LIMIT, description="Rows per page.")]
Cursor = Annotated[
    str,
    Field(
        min_length=1, max_length=200, description="`next` of the page before; leave out for the first page."
    ),
]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows, and the cursor of the page after them (none on the last page)."""

    items: Sequence[T]
    next: str | None

    def written(self, render: Callable[[T], object]) -> dict[str, object]:
        return {
            "items": [render(item) for item in self.items],
            "has_more": self.next is not None,
            "next": self.next,
        }


def page_of(rows: Sequence[T], limit: int, key: Callable[[T], str]) -> Page[T]:
    """A page from up to `limit + 1` rows: the one too many only says that there is more."""
    kept = rows[:limit]
    return Page(kept, write_cursor(key(kept[-1])) if len(rows) > limit else None)


def write_cursor(key: str) -> str:
    """Where a page ended, in a form that invites nobody to build it by hand."""
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def read_cursor(text: str | None) -> str | None:
    """The key inside a cursor. Raises Invalid `cursor_invalid`; what the key means is for the caller to check."""
    if text is None:
        return None
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError) as wrong:
        raise bad_cursor() from wrong


def bad_cursor() -> Invalid:
    return Invalid.field("?cursor", "cursor_invalid", "Use the `next` of a page before as it is.")
