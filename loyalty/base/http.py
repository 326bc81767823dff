"""HTTP in one voice: exact JSON answers, problems (RFC 9457), and who is calling from where."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from http.client import responses

import psycopg
from django.conf import settings
from django.core.exceptions import BadRequest as DjangoBadRequest
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError

from loyalty.base import strict_json
from loyalty.base.errors import (
    BadRequest,
    Busy,
    Forbidden,
    Invalid,
    LaurelError,
    NotFound,
    TooLarge,
)

JSON = "application/json"
PROBLEM = "application/problem+json"

_CLEAN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", re.ASCII)  # no address: it is kept with refusals
_BUSY = (
    psycopg.errors.LockNotAvailable,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.SerializationFailure,
    psycopg.errors.QueryCanceled,
)

log = logging.getLogger(__name__)


class MethodNotAllowed(LaurelError):
    code = "method_not_allowed"
    status = 405
    title = "This method is not allowed here"


class Unexpected(LaurelError):
    """Stands for any error that nobody foresaw: its own words never leave the house."""

    code = "internal_error"
    status = 500
    title = "Something went wrong on our side"


def answer(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """`value` as exact JSON."""
    return raw_answer(strict_json.encoded(value), status=status, headers=headers)


def raw_answer(
    text: str | bytes, *, status: int, content_type: str = JSON, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """JSON text that was written before, byte by byte."""
    return HttpResponse(text, status=status, content_type=content_type, headers=headers)


def problem_text(error: LaurelError, request_id: str) -> str:
    """The body of a problem. `errors[]` and the error's own extra members are present only when there are some."""
    body: dict[str, object] = {
        "type": f"urn:laurel:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
    }
    if error.errors:
        body["errors"] = [
            {"path": fault.path, "code": fault.code, "message": fault.message} for fault in error.errors
        ]
    body.update((name, value) for name, value in error.extra.items() if name not in body)
    body["request_id"] = request_id
    return strict_json.dumps(body)


def problem(error: LaurelError, request: HttpRequest) -> HttpResponse:
    """The answer to a refused request."""
    response = raw_answer(problem_text(error, request_id(request)), status=error.status, content_type=PROBLEM)
    for name, value in problem_headers(error).items():
        response[name] = value
    return response


def problem_headers(error: LaurelError) -> dict[str, str]:
    headers = {"Cache-Control": "no-store"}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="laurel"'
    wait = getattr(error, "retry_after", None)
    if wait is not None:
        headers["Retry-After"] = str(wait)
    return headers


def as_error(exc: BaseException) -> LaurelError:
    """Any exception as one of ours. What nobody foresaw is logged here, and told as `internal_error`."""
    if isinstance(exc, LaurelError):
        return exc
    known = _known(exc)
    if known is None:
        log.error("unexpected error", exc_info=exc)
        return Unexpected("Try again; if it happens again, tell us the request id.")
    return known


def _known(exc: BaseException) -> LaurelError | None:
    match exc:
        case Http404():
            return NotFound()
        case RequestDataTooBig():
            return TooLarge()
        case SuspiciousOperation() | DjangoBadRequest() | UnreadablePostError():
            return BadRequest()
        case PermissionDenied():
            return Forbidden()
        case OperationalError() | InterfaceError():
            return _database_busy(exc)
        case DataError():
            log.error("a value reached the database that it cannot hold", exc_info=exc)
            return Invalid("A value cannot be stored.", code="value_not_storable")
    return None


def _database_busy(exc: BaseException) -> Busy:
    if isinstance(exc.__cause__, _BUSY):
        return Busy()
    log.error("the database is not available", exc_info=exc)
    return Busy("The database is not available at the moment.", code="unavailable", retry_after=5)


def for_status(status: int) -> LaurelError:
    """The error that a bare status stands for, when another part of the house made the answer."""
    for kind in (BadRequest, Forbidden, NotFound, MethodNotAllowed, TooLarge, Busy):
        if kind.status == status:
            return kind()
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unexpected("Try again; if it happens again, tell us the request id.")
    return _plain(status)


def _plain(status: int) -> LaurelError:
    words = responses.get(status, "Refused")
    error = LaurelError(f"{words}.", code=words.lower().replace(" ", "_"))
    error.status = status  # type: ignore[misc]  # a status that has no class of its own
    error.title = words  # type: ignore[misc]
    return error


def request_id(request: HttpRequest) -> str:
    """The id of this request: the caller's `X-Request-ID` when it is clean, else one of ours."""
    known = request.META.get("laurel.request_id")
    if isinstance(known, str):
        return known
    sent = request.META.get("HTTP_X_REQUEST_ID", "")
    made = sent if _CLEAN_ID.fullmatch(sent) else f"req_{secrets.token_urlsafe(16)}"
    request.META["laurel.request_id"] = made
    return made


def client_address(request: HttpRequest) -> str:
    """The caller's address: of the connection, or as told by our own proxies when there are PROXY_COUNT of them."""
    peer = str(request.META.get("REMOTE_ADDR") or "unknown")
    count = settings.PROXY_COUNT
    if not count:
        return peer
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    return hops[-count][:64] if len(hops) >= count else peer


def no_store(response: HttpResponse) -> HttpResponse:
    """For answers with personal data: no cache may keep them."""
    response["Cache-Control"] = "no-store"
    return response
