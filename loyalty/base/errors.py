"""The few errors that the whole product raises. Each has a stable `code`; the edges turn it once into
problem+json or into words on a form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field: a JSON-pointer-like `path`, a stable `code` and words for people."""

    path: str
    code: str
    message: str


class LaurelError(Exception):
    """Base of every expected error. Subclass it in a domain module, or pass `code=`."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    title: ClassVar[str] = "Something went wrong"

    def __init__(
        self,
        detail: str = "",
        *,
        code: str | None = None,
        errors: Iterable[FieldError] = (),
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.errors = list(errors)
        self.extra = dict(extra or {})
        if code is not None:
            self.code = code  # type: ignore[misc]  # the instance narrows the code of its class

    def at_path(self, path: str) -> FieldError:
        """This error as the fault of one field, for callers that gather several before they answer."""
        return FieldError(path, self.code, self.detail)


class BadRequest(LaurelError):
    code = "bad_request"
    status = 400
    title = "The request could not be read"


class Unauthorized(LaurelError):
    code = "unauthorized"
    status = 401
    title = "Credentials are missing or not valid"


class Forbidden(LaurelError):
    code = "forbidden"
    status = 403
    title = "Not allowed"


class NotFound(LaurelError):
    code = "not_found"
    status = 404
    title = "Not found"


class Conflict(LaurelError):
    code = "conflict"
    status = 409
    title = "In conflict with the current state"


class PreconditionFailed(LaurelError):
    code = "precondition_failed"
    status = 412
    title = "Changed by someone else in the meantime"


class LengthRequired(LaurelError):
    code = "length_required"
    status = 411
    title = "The request must say how long its body is"


class TooLarge(LaurelError):
    code = "body_too_large"
    status = 413
    title = "The request is too large"


class UnsupportedMedia(LaurelError):
    code = "unsupported_media_type"
    status = 415
    title = "This content type is not accepted"


class Invalid(LaurelError):
    code = "invalid"
    status = 422
    title = "Some values are not valid"

    @classmethod
    def field(cls, path: str, code: str, message: str) -> Invalid:
        """An error about one field only; the problem carries the field's code."""
        return cls(message, code=code, errors=[FieldError(path, code, message)])


class _Later(LaurelError):
    """Errors that pass by themselves: `retry_after` is the number of seconds to wait."""

    def __init__(
        self,
        detail: str = "",
        *,
        retry_after: int = 1,
        code: str | None = None,
        errors: Iterable[FieldError] = (),
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail, code=code, errors=errors, extra=extra)
        self.retry_after = retry_after


class TooMany(_Later):
    code = "too_many_requests"
    status = 429
    title = "Too many requests"


class Busy(_Later):
    code = "busy"
    status = 503
    title = "Busy at the moment, try again shortly"
