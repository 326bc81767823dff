"""The building blocks of entries: strict, exact, and described for the JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from loyalty.base.clock import parse_date, parse_instant, zone
from loyalty.base.errors import Invalid, LaurelError
from loyalty.base.numbers import parse_decimal
from loyalty.base.text import clean
from loyalty.programs.models import MOST_EXPIRY, ExpiryUnit

MAX_COUNT = 32_767
_LONGEST = {1: 31, 2: 29, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}
_MONTH_DAY = re.compile(r"(\d\d)-(\d\d)", re.ASCII)


class Entry(BaseModel):
    """Unknown keys are refused, and nothing is converted: "yes" is no boolean, "5" is no number of days."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _told(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A reader of our own as a validator: its code and words are what people see."""

    def validate(raw: Any) -> Any:
        try:
            return read(raw)
        except LaurelError as wrong:
            # The words are a template there: what they quote must not be read as one.
            raise PydanticCustomError(
                "refused", "{words}", {"words": wrong.detail, "code": wrong.code}
            ) from wrong

    return validate


def text(most: int, *, required: bool = False, multiline: bool = False) -> Any:
    """A validator of text as the rest of the product keeps it."""
    return AfterValidator(
        _told(lambda raw: clean(raw, max_length=most, required=required, multiline=multiline))
    )


def number(places: int, digits: int = 14) -> Any:
    """A validator of exact numbers, written plainly or in quotes."""
    return BeforeValidator(_told(lambda raw: parse_decimal(raw, max_digits=digits, max_places=places)))


def _day_of_year(raw: str) -> str:
    found = _MONTH_DAY.fullmatch(raw)
    if found is None or not 1 <= int(found[2]) <= _LONGEST.get(int(found[1]), 0):
        raise Invalid("Write a day of the year as month and day, such as 12-31.", code="day_invalid")
    return raw


def _zone_name(raw: str) -> str:
    zone(raw)
    return raw


_NUMBER_SCHEMA = WithJsonSchema(
    {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}]}
)
FORMS: dict[str, str] = {
    (CODE_FORM := r"^[a-z0-9][a-z0-9_-]{0,49}$"): "Use lower-case letters, digits, - and _ (at most 50).",
    (CURRENCY_FORM := r"^[A-Z]{3}$"): "Use the three-letter ISO code, such as EUR.",
    (REGION_FORM := r"^([A-Z]{2})?$"): "Use the two-letter ISO code, such as ES.",
}
Code = Annotated[str, Field(pattern=CODE_FORM)]
Currency = Annotated[str, Field(pattern=CURRENCY_FORM)]
Region = Annotated[str, Field(pattern=REGION_FORM)]
Name = Annotated[str, text(120, required=True)]
Number4 = Annotated[Decimal, number(4), _NUMBER_SCHEMA]
Number6 = Annotated[Decimal, number(6), _NUMBER_SCHEMA]
Days = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Zone = Annotated[str, AfterValidator(_told(_zone_name))]
DayOfYear = Annotated[str, AfterValidator(_told(_day_of_year))]
Instant = Annotated[
    datetime, BeforeValidator(_told(parse_instant)), WithJsonSchema({"type": "string", "format": "date-time"})
]
Day = Annotated[
    date, BeforeValidator(_told(parse_date)), WithJsonSchema({"type": "string", "format": "date"})
]
Returns = Literal["only_pending", "within_balance", "unlimited"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Tree = dict[str, Any]
"""A tree of conditions; what is asked is checked where the fields are known."""


class ExpiryEntry(Entry):
    """When points lapse. `program` (of a point type only): as the program says."""

    kind: Literal["none", "rolling", "fixed", "inactivity", "program"]
    count: Annotated[int, Field(ge=1, le=MAX_COUNT)] | None = None
    unit: Literal["days", "months", "years"] | None = None
    round_up_to: Literal["month", "quarter", "year"] | None = None
    dates: list[DayOfYear] = []

    @model_validator(mode="after")
    def _fits_together(self) -> ExpiryEntry:
        counted = self.kind in ("rolling", "inactivity")
        if counted != (self.count is not None and self.unit is not None):
            raise ValueError("Rolling and inactivity need count and unit; the others have none.")
        if bool(self.dates) != (self.kind == "fixed"):
            raise ValueError("Fixed needs dates; the others have none.")
        if self.count and self.unit and self.count > MOST_EXPIRY[ExpiryUnit(self.unit)]:
            raise ValueError(f"At most {MOST_EXPIRY[ExpiryUnit(self.unit)]:,} {self.unit}.")
        if self.round_up_to and self.kind != "rolling":
            raise ValueError("Only rolling expiry is rounded up.")
        return self

    def fields(self) -> dict[str, Any]:
        """As the columns of an expiry policy."""
        return {
            "expiry_kind": "none" if self.kind == "program" else self.kind,
            "expiry_count": self.count,
            "expiry_unit": self.unit or "months",
            "expiry_rounding": self.round_up_to or "",
            "expiry_dates": list(self.dates),
        }


NEVER = ExpiryEntry(kind="none")


def expiry_entry(policy: Any) -> dict[str, Any]:
    """A policy's columns as the file says them."""
    if policy.expiry_kind == "none":
        return {"kind": "none"}
    if policy.expiry_kind == "fixed":
        return {"kind": "fixed", "dates": list(policy.expiry_dates)}
    made = {"kind": policy.expiry_kind, "count": policy.expiry_count, "unit": policy.expiry_unit}
    rounded = policy.expiry_kind == "rolling" and policy.expiry_rounding
    return made | ({"round_up_to": policy.expiry_rounding} if rounded else {})
