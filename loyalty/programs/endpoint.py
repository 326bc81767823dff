"""How an endpoint of the API is declared: its scope, its query, its limits, its documentation, in one place.

The gate of an endpoint runs before anything is parsed. What it refuses was never begun: 401, 403, 411, 413, 415, 422
and 429 leave no trace, and the same Idempotency-Key may be used again.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from ninja import Router

from loyalty.base import chunked, clock, http, strict_json
from loyalty.base.errors import (
    BadRequest,
    FieldError,
    Invalid,
    TooLarge,
    Unauthorized,
    UnsupportedMedia,
)
from loyalty.programs import idempotency, throttle
from loyalty.programs.auth import Caller, caller_by
from loyalty.programs.described import Described
from loyalty.programs.errors import invalid, key_path

BODY = "laurel.body"  # the parsed body, kept for the fingerprint of an idempotent request
MAX_BYTES = "laurel.max_bytes"
RATE_HEADERS = "laurel.rate_headers"

View = Callable[..., HttpResponse]


@dataclass(frozen=True, slots=True)
class Gate:
    """Who may pass, and what a request must look like before it is read."""

    scope: str
    query: frozenset[str]
    takes_body: bool
    idempotent: bool
    max_bytes: int

    def __call__(self, request: HttpRequest) -> Caller:
        caller = _recognise(request)
        caller.needs(self.scope)
        self._check_query(request)
        if self.takes_body:
            self._check_body(request)
        if self.idempotent:
            idempotency.check_key(request.headers.get("Idempotency-Key"))
        return caller

    def _check_query(self, request: HttpRequest) -> None:
        if not request.META.get("QUERY_STRING"):
            return
        faults = [
            FieldError(f"?{key_path('', name)[1:]}", "unknown_parameter", "There is no such parameter here.")
            if name not in self.query
            else FieldError(f"?{name}", "repeated_parameter", "Give this parameter once.")
            for name, values in request.GET.lists()
            if name not in self.query or len(values) > 1
        ]
        if faults:
            raise invalid(faults)

    def _check_body(self, request: HttpRequest) -> None:
        media, _, rest = request.META.get("CONTENT_TYPE", "").partition(";")
        charset = rest.strip().lower().replace('"', "")
        if media.strip().lower() != http.JSON or charset not in ("", "charset=utf-8"):
            raise UnsupportedMedia("Send Content-Type: application/json, in UTF-8.")
        sent = request.META.get("CONTENT_LENGTH") or "0"
        if sent.isdecimal() and int(sent) > self.max_bytes:
            raise TooLarge(f"The body may have at most {self.max_bytes} bytes.")
        chunked.take(request, most=self.max_bytes)
        if sent == "0" and not request.body:
            raise _no_body()
        request.META[MAX_BYTES] = self.max_bytes


def _no_body() -> BadRequest:
    return BadRequest("Send a JSON body.", code="body_missing")


def _recognise(request: HttpRequest) -> Caller:
    try:
        caller = caller_by(request.META.get("HTTP_AUTHORIZATION", ""), at=clock.now())
    except Unauthorized:
        _count(request, "address", http.client_address(request), throttle.ANONYMOUS_PER_MINUTE)
        raise
    _count(request, "key", str(caller.key_id), caller.rate_per_minute)
    return caller


def _count(request: HttpRequest, kind: str, subject: str, per_minute: int) -> None:
    allowance = throttle.count(kind, subject, per_minute)
    request.META[RATE_HEADERS] = allowance.headers
    allowance.check()


def caller_of(request: HttpRequest) -> Caller:
    """Who passed the gate."""
    return cast(Caller, request.auth)  # type: ignore[attr-defined]  # set by ninja


def read_body(request: HttpRequest) -> Any:
    """The body as strict JSON. Raises what strict_json.loads does, and BadRequest `body_missing`."""
    if not request.body:
        raise _no_body()
    value = strict_json.loads(request.body, max_bytes=request.META.get(MAX_BYTES, strict_json.MAX_BYTES))
    request.META[BODY] = value
    return value


def read_object(request: HttpRequest) -> dict[str, Any]:
    """The body, which must be a JSON object. Raises Invalid `object_expected`."""
    value = read_body(request)
    if not isinstance(value, dict):
        raise Invalid.field("", "object_expected", "The body is a JSON object.")
    return value


def once(
    request: HttpRequest,
    act: Callable[[], tuple[int, object]],
    *,
    path: str | None = None,
    complete: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
) -> HttpResponse:
    """Answer with what `act` says, or with what it said when this Idempotency-Key came first.

    `path` stands for the address where that holds what must not be kept. `complete` adds to an answer, the first time
    and each time it is repeated, what is not to lie with it in the database, such as a code.
    """
    answer = idempotency.once(
        caller_of(request).channel,
        request.headers["Idempotency-Key"],
        route=f"{request.method} {path or request.path}",
        request=request.META.get(BODY),
        at=clock.now(),
        act=act,
        refusal=lambda error: http.problem_text(error, http.request_id(request)),
    )
    refused = answer.status >= 400
    text = answer.text
    if complete is not None and not refused:
        text = strict_json.dumps(complete(strict_json.loads_trusted(text)))
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else None
    return http.raw_answer(
        text, status=answer.status, content_type=http.PROBLEM if refused else http.JSON, headers=headers
    )


def endpoint(
    router: Router, method: str, path: str, *, idempotent: bool = False, **described: Any
) -> Callable[[View], View]:
    """Declare a view of the API. `described` are the fields of Described."""
    about = Described(method=method, idempotent=idempotent, **described)

    def declare(view: View) -> View:
        query = _query_names(view, path)
        gate = Gate(about.scope, query, about.takes_body, idempotent, about.max_bytes)
        router.api_operation(
            [method],
            path,
            auth=gate,
            response=dict(about.answers),
            operation_id=view.__name__,
            summary=about.summary,
            openapi_extra=about.as_openapi(),
        )(view)
        return view

    return declare


def _query_names(view: View, path: str) -> frozenset[str]:
    """Parameters of the view that come neither from the path nor from the body."""
    return frozenset(
        name
        for name in inspect.signature(view).parameters
        if name not in ("request", "body") and f"{{{name}}}" not in path and f":{name}}}" not in path
    )
