"""The kinds of events that every program understands. A program may declare more (`EventType`)."""

from __future__ import annotations

import re
from typing import Any

from django.db import IntegrityError, transaction

from loyalty.base.errors import Conflict, FieldError, Invalid
from loyalty.base.text import clean
from loyalty.events.models import EventType
from loyalty.programs.attributes import check_schema
from loyalty.programs.channels import RESERVED
from loyalty.programs.errors import refuse
from loyalty.programs.models import Program

MAX_CODE = 60

ORDER_COMPLETED = "order.completed"
ORDER_AMENDED = "order.amended"
ORDER_RETURNED = "order.returned"
ORDER_CANCELLED = "order.cancelled"
MEMBER_REGISTERED = "member.registered"
MEMBER_UPDATED = "member.updated"
REFERRAL_CONVERTED = "referral.converted"
REVIEW_SUBMITTED = "review.submitted"
VISIT_CHECKED_IN = "visit.checked_in"

BUILT_IN = {
    ORDER_COMPLETED: "Order completed",
    ORDER_AMENDED: "Order changed",
    ORDER_RETURNED: "Order returned",
    ORDER_CANCELLED: "Order cancelled",
    MEMBER_REGISTERED: "Member registered",
    MEMBER_UPDATED: "Member changed",
    REFERRAL_CONVERTED: "Referral converted",
    REVIEW_SUBMITTED: "Review submitted",
    VISIT_CHECKED_IN: "Visit checked in",
}
ABOUT_AN_ORDER = frozenset({ORDER_COMPLETED, ORDER_AMENDED, ORDER_RETURNED, ORDER_CANCELLED})
AFTER_AN_ORDER = frozenset({ORDER_AMENDED, ORDER_RETURNED, ORDER_CANCELLED})
ABOUT_A_MEMBER = frozenset({MEMBER_REGISTERED, MEMBER_UPDATED})

OWN_SOURCE = RESERVED  # of events that are made here; channels cannot use it

_CODE = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)*")
_RESERVED = tuple(f"{code.partition('.')[0]}." for code in BUILT_IN)


def faults(event_type: EventType) -> list[FieldError]:
    """What is wrong with a program's own type of event; forms show it beside the fields."""
    found: list[FieldError] = []
    code = event_type.code
    if not _CODE.fullmatch(code) or len(code) > MAX_CODE:
        words = "A code has lower-case letters, digits, _ and dots, such as workshop.attended."
        found.append(FieldError("code", "code_invalid", words))
    elif code in BUILT_IN or code.startswith(_RESERVED):
        found.append(FieldError("code", "code_reserved", "Events of this name are built in."))
    for name, check in (
        ("name", lambda value: clean(value, max_length=120, required=True)),
        ("attributes", check_schema),
    ):
        try:
            setattr(event_type, name, check(getattr(event_type, name)))
        except Invalid as wrong:
            found += [FieldError(name + one.path, one.code, one.message) for one in wrong.errors] or [
                wrong.at_path(name)
            ]
    return found


def declare(program: Program, *, code: str, name: str, attributes: list[dict[str, Any]]) -> EventType:
    """A new kind of event with its attributes. Raises Invalid, Conflict `code_taken`."""
    made = EventType(program=program, code=code, name=name, attributes=attributes)
    refuse(faults(made))
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError as wrong:
        raise Conflict("A type of event with this code exists.", code="code_taken") from wrong
    return made
