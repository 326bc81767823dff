"""What conditions can ask of a member at an instant, as `loyalty.conditions.standard` describes it.

A birthday on 29 February is kept on 28 February in common years.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Protocol, TypeAlias

from loyalty.base.clock import parse_date
from loyalty.base.errors import Invalid


class MemberView(Protocol):
    """A Member, or a row with the same names."""

    state: Any
    birthday: Any
    attributes: Any
    enrolled_at: Any
    tier_code: Any


Trait: TypeAlias = Callable[[MemberView, datetime], Any]
"""Reads one field of a member; the second argument is the moment on the program's wall clock."""


def _of_birthday(read: Callable[[date, date], Any]) -> Trait:
    """From the birthday and the local date; unknown without a birthday."""

    def value(member: MemberView, local: datetime) -> Any:
        birthday = _birthday(member)
        return None if birthday is None else read(birthday, local.date())

    return value


def _birthday(member: MemberView) -> date | None:
    if not member.birthday:
        return None
    if isinstance(member.birthday, date):
        return member.birthday
    try:
        return parse_date(member.birthday)
    except Invalid:
        return None


def _kept_on(birthday: date, year: int) -> date:
    try:
        return birthday.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


def _age(birthday: date, today: date) -> int | None:
    age = today.year - birthday.year - (today < _kept_on(birthday, today.year))
    return age if age >= 0 else None


def _enrolled(member: MemberView, local: datetime) -> date:
    joined: datetime = member.enrolled_at
    return joined.astimezone(local.tzinfo).date()


def _days_since_enrolled(member: MemberView, local: datetime) -> int:
    return max(0, (local.date() - _enrolled(member, local)).days)


TRAITS: dict[str, Trait] = {
    "member.tier": lambda member, local: member.tier_code or None,
    "member.state": lambda member, local: member.state,
    "member.age": _of_birthday(_age),
    "member.enrolled": _enrolled,
    "member.days_since_enrolled": _days_since_enrolled,
    "member.birthday_month": _of_birthday(lambda birthday, today: birthday.month),
    "member.is_birthday": _of_birthday(lambda birthday, today: _kept_on(birthday, today.year) == today),
}
