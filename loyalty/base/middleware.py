"""What every request gets: an id; and under /api/, the short way in and problems instead of HTML pages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import cast

import structlog
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.middleware.security import SecurityMiddleware
from django.urls import get_resolver

from loyalty.base import http
from loyalty.base.errors import Unauthorized

API = "/api/"
NOTHING_TO_LOAD = "default-src 'none'; frame-ancestors 'none'"
OVERRIDES = ("HTTP_X_HTTP_METHOD_OVERRIDE", "HTTP_X_HTTP_METHOD", "HTTP_X_METHOD_OVERRIDE")

_KEY_NAMES = frozenset({"key", "api_key", "apikey", "api-key", "access_token", "token", "authorization"})
_SECRET = re.compile(r"lk_(?:live|test)_")

Next = Callable[[HttpRequest], HttpResponseBase]


class RequestId:
    """Gives each request its id, in the answer and in every log line. Goes first."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        known = http.request_id(request)
        bound = structlog.contextvars.bind_contextvars(request_id=known)
        try:
            response = self.get_response(request)
        finally:
            structlog.contextvars.reset_contextvars(**bound)
        response["X-Request-ID"] = known
        return response


class Api:
    """Takes requests under /api/ straight to their endpoint: a session, a user, messages and the rest that pages need
    would cost a call more than its own work. Refuses what no endpoint may see, and turns every refusal that did not
    come from an endpoint (no such address, method, host, an error outside) into a problem. Goes right after RequestId,
    and does for the API what SecurityMiddleware does for the pages behind it."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response
        self.security = SecurityMiddleware(get_response)
        self.inside = cast(Next, convert_exception_to_response(self._answer))
        self.headers = {secure: _ready(self._headers_of_all(secure)) for secure in (True, False)}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(API):
            return self.get_response(request)
        response = self._refusal(request) or self.inside(request)
        if response.status_code >= 400 and not _is_problem(response):
            response = _as_problem(request, response)
        headers = self.headers[request.is_secure()] | _ready(request.META.get("laurel.rate_headers", {}))
        if isinstance(response, HttpResponse):
            headers |= _ready({"Content-Length": str(len(response.content))})
        # All at once: `headers[…] = …` encodes and checks each text each time.
        response.headers._store = headers | response.headers._store
        return response

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        if elsewhere := self.security.process_request(request):
            return elsewhere
        request.get_host()  # raises DisallowedHost
        found = request.resolver_match = get_resolver().resolve(request.path_info)
        response: HttpResponseBase = found.func(request, *found.args, **found.kwargs)
        return response

    def _headers_of_all(self, secure: bool) -> dict[str, str]:
        blank = HttpResponse()
        self.security.process_response(_Over(secure), blank)
        del blank.headers["Content-Type"]
        return {**blank.headers, "Content-Security-Policy": NOTHING_TO_LOAD, "Cache-Control": "no-store"}

    def _refusal(self, request: HttpRequest) -> HttpResponse | None:
        if _key_in_query(request):
            _forget_query(request)
            told = "Send the key in the Authorization header, never in the address: addresses end up in logs."
            return http.problem(Unauthorized(told, code="key_in_query"), request)
        if any(name in request.META for name in OVERRIDES) or request.method == "TRACE":
            return http.problem(http.MethodNotAllowed("The method cannot be overridden."), request)
        return None


class _Over(HttpRequest):
    """A request that came over TLS, or did not."""

    def __init__(self, secure: bool) -> None:
        super().__init__()
        self._secure = secure

    def is_secure(self) -> bool:
        return self._secure


def _ready(headers: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """As a response keeps them."""
    return {name.lower(): (name, value) for name, value in headers.items()}


def _key_in_query(request: HttpRequest) -> bool:
    query = request.META.get("QUERY_STRING", "")
    if not query:
        return False
    return _SECRET.search(query) is not None or any(name.lower() in _KEY_NAMES for name in request.GET)


def _forget_query(request: HttpRequest) -> None:
    """So that no later log line can repeat the key."""
    request.META["QUERY_STRING"] = ""
    request.GET = QueryDict()


def _is_problem(response: HttpResponseBase) -> bool:
    return response.headers.get("Content-Type", "").startswith(http.PROBLEM)


def _as_problem(request: HttpRequest, response: HttpResponseBase) -> HttpResponse:
    made = http.problem(http.for_status(response.status_code), request)
    if "Allow" in response.headers:
        made["Allow"] = response.headers["Allow"]
    # The other answer is not closed: that would tell Django that the request is over, while it is still going on.
    return made
