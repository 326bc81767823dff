"""Building blocks of request bodies: strict, closed, and with our own codes for what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from loyalty.base.clock import parse_instant
from loyalty.base.currencies import check_money
from loyalty.base.email import holds_address, impersonal
from loyalty.base.errors import Invalid
from loyalty.base.numbers import MAX_UNITS
from loyalty.base.text import clean

T = TypeVar("T")


class Body(BaseModel):
    """A request body: no field that is not declared, no value of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Shown(BaseModel):
    """The shape of an answer. It documents what the renderers write; the tests hold the two together."""


def _units(points: int) -> int:
    if not 1 <= points <= MAX_UNITS:
        told = "Points are above zero and within what can be booked at once."
        raise PydanticCustomError("amount_out_of_range", told)
    return points


def _cleaned(max_length: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        try:
            return clean(text, max_length=max_length)
        except Invalid as wrong:
            raise PydanticCustomError(wrong.code, "{words}", {"words": wrong.detail}) from wrong

    return check


def _nameless(text: str) -> str:
    if holds_address(text):
        raise PydanticCustomError("personal_data", "An id must not hold an e-mail address.")
    return text


_BOUNDS = {"minimum": 1, "maximum": MAX_UNITS}
Units = Annotated[
    int,
    AfterValidator(_units),
    Field(description="In the point type's smallest unit.", json_schema_extra=_BOUNDS),
]
Reference = Annotated[
    str,
    AfterValidator(_cleaned(120)),
    AfterValidator(_nameless),
    Field(max_length=120, description="Order number or your own id."),
]
Note = Annotated[str, AfterValidator(_cleaned(500)), AfterValidator(impersonal), Field(max_length=500)]
MemberRef = Annotated[
    str,
    Field(
        min_length=1,
        max_length=300,
        description="Our id, or ext:…, email:…, phone:…, card:….",
        examples=["ext:ana"],
    ),
]
Money = Annotated[
    Any,
    WithJsonSchema(
        {
            "description": "Text or a number, with at most the currency's decimals, never negative.",
            "anyOf": [
                {"type": "string", "pattern": r"^(0|[1-9][0-9]{0,12})(\.[0-9]{1,4})?$"},
                {"type": "number", "minimum": 0, "maximum": 9999999999999},
            ],
            "examples": ["12.50"],
        }
    ),
]


def at_path(path: str, read: Callable[[], T]) -> T:
    """What `read` gives; what it refuses is said of the field at `path`."""
    try:
        return read()
    except Invalid as wrong:
        raise Invalid.field(path, wrong.code, wrong.detail) from wrong


def money_at(path: str, amount: object, currency: str) -> Decimal:
    """An amount of money in a body. Raises Invalid with the codes of `check_money`."""
    return at_path(path, lambda: check_money(amount, currency))


def instant_at(path: str, text: object) -> datetime:
    """An instant in a body or a query. Raises Invalid with the codes of `parse_instant`."""
    return at_path(path, lambda: parse_instant(text))
