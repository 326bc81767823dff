"""Errors of programs, channels and keys, and how several faults of one input become one error."""

from __future__ import annotations

from collections.abc import Sequence

from loyalty.base.errors import Conflict, FieldError, Invalid, Unauthorized

MOST_FAULTS = 50  # enough to mend a request by, small enough for an answer


class KeyNotValid(Unauthorized):
    code = "key_invalid"
    title = "This API key is not valid"


class KeyRolled(Conflict):
    code = "key_already_rolled"
    title = "This key has a successor already"


class KeyRevoked(Conflict):
    code = "key_revoked"
    title = "This key has been revoked"


def invalid(faults: Sequence[FieldError]) -> Invalid:
    """One error about all `faults`; it carries their code when they agree on one, else `invalid`."""
    codes = {fault.code for fault in faults}
    words = (
        faults[0].message if len(faults) == 1 else f"{len(faults)} values are not valid: {faults[0].message}"
    )
    return Invalid(words, code=codes.pop() if len(codes) == 1 else None, errors=faults[:MOST_FAULTS])


def refuse(faults: Sequence[FieldError]) -> None:
    """Raise Invalid when there are faults."""
    if faults:
        raise invalid(faults)


def key_path(path: str, key: object) -> str:
    """The JSON pointer of a key that came from outside: bounded, escaped, and safe to write anywhere."""
    text = str(key)[:80].encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")
    return f"{path}/{text.replace('~', '~0').replace('/', '~1')}"
