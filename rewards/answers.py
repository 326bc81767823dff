"""What the endpoints of rewards answer with, and what of it is kept with an Idempotency-Key: never a code in clear."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from loyalty.base.errors import FieldError, Invalid
from rewards import codes
from rewards.models import Code, Redemption
from rewards.sheet import shows_code, write_redemption


def as_told(row: Redemption, at: datetime) -> dict[str, object]:
    """The answer as it is kept, its code masked. Raises CodeUnreadable, so that nobody pays for a code that cannot be
    told."""
    if row.code is not None and shows_code(row):
        codes.reveal(row.code)
    return write_redemption(row, at)


def with_code(told: dict[str, Any]) -> dict[str, Any]:
    """The answer with its code in clear, as it is sent: the present one, when another one took its place."""
    if told["code_masked"] is None:
        return told
    code = Code.objects.get(redemption=told["id"])
    return {**told, "code": codes.reveal(code), "code_masked": codes.masked(code)}


def about_the_body(wrong: Invalid) -> Invalid:
    """The faults that the engine tells of its arguments, at the places where the body has them."""
    errors = [FieldError(_pointer(one.path), one.code, one.message) for one in wrong.errors]
    return Invalid(wrong.detail, code=wrong.code, errors=errors, extra=wrong.extra)


def _pointer(path: str) -> str:
    return "/option" if path == "stock" else f"/{path.removeprefix('/')}"
