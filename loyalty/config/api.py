"""The API: one NinjaAPI, one parser, one way to refuse, and the document that describes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser

from campaigns.api import router as campaigns
from loyalty.base import http
from loyalty.base.errors import FieldError, LaurelError
from loyalty.events.api import router as events
from loyalty.ledger.api import router as ledger
from loyalty.programs.described import SECURITY
from loyalty.programs.endpoint import read_body
from loyalty.programs.errors import invalid, key_path
from loyalty.programs.models import Scope
from rewards.api import router as rewards
from rewards.redemption_api import router as redemptions
from tiers.api import router as tiers

ABOUT = """\
Points, members, events and rewards of a loyalty program. Every request carries `Authorization: Bearer lk_…`; the key
says which program it is about and what it may do. Amounts of points are whole numbers in the point type's smallest
unit; money is text or a number with the currency's decimals; times are RFC 3339.
Errors are `application/problem+json` with a stable `code`.
"""


class StrictParser(Parser):
    """Bodies are read by our own rules: exact numbers, no duplicate keys, nothing that is not JSON."""

    def parse_body(self, request: HttpRequest) -> Any:
        return read_body(request)


class Api(NinjaAPI):
    """NinjaAPI whose document also describes what all endpoints share."""

    def create_temporal_response(self, request: HttpRequest) -> HttpResponse:
        """None: it would be made for each call, for endpoints that set headers on it; ours make their own answers."""
        return None  # type: ignore[return-value]

    def get_openapi_schema(
        self, *, path_prefix: str | None = None, path_params: dict[str, Any] | None = None
    ) -> OpenAPISchema:
        schema = super().get_openapi_schema(path_prefix=path_prefix, path_params=path_params)
        components = schema["components"]
        components["securitySchemes"] = {SECURITY: _security()}
        components["responses"] = {"Problem": _problem_response()}
        components["schemas"]["Problem"] = PROBLEM_SCHEMA
        for path in schema["paths"].values():
            for operation in path.values():
                _describe_parameters(operation)
                operation["responses"] = {
                    str(status): _without_schema_beside_ref(details)
                    for status, details in sorted(operation["responses"].items())
                }
        return schema


def _without_schema_beside_ref(details: dict[str, Any]) -> dict[str, Any]:
    return {"$ref": details["$ref"]} if "$ref" in details else details


def _security() -> dict[str, Any]:
    scopes = "; ".join(f"`{scope.value}`: {scope.label}" for scope in Scope)
    return {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "lk_…",
        "description": f"An API key. Scopes: {scopes}.",
    }


PROBLEM_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "title": "Problem",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable: react to this one."},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "code", "message"],
                "properties": {
                    "path": {
                        "type": "string",
                        "description": "JSON pointer into the body, or ?name of a parameter.",
                    },
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}


def _problem_response() -> dict[str, Any]:
    example = {
        "type": "urn:laurel:problem:unknown_field",
        "title": "Some values are not valid",
        "status": 422,
        "detail": "There is no such field here.",
        "code": "unknown_field",
        "errors": [{"path": "/balance", "code": "unknown_field", "message": "There is no such field here."}],
        "request_id": "req_4pV0d1s8Yc2mQ7",
    }
    return {
        "description": "Refused. `code` says why.",
        "headers": {
            "X-Request-ID": {"description": "The id of this request.", "schema": {"type": "string"}},
            "Retry-After": {"description": "Seconds to wait (429, 503).", "schema": {"type": "integer"}},
        },
        "content": {http.PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}},
    }


PARAMETERS: Mapping[str, Mapping[str, Any]] = {
    "member": {
        "description": "Our id, or `ext:…`, `email:…`, `phone:…`, `card:…` (percent-encoded).",
        "example": "ext:ana",
    },
    "event": {
        "description": "The id that we gave to the event.",
        "example": "01996f3c-7d2a-7a01-9f6e-0b8f5a1c2d3e",
    },
    "transaction": {
        "description": "The transaction's id.",
        "example": "01996f3c-7d2a-7a01-9f6e-0b8f5a1c2d3e",
    },
    "offer": {
        "description": "Code of a reward, or its id.",
        "example": "five-off",
    },
    "redemption": {
        "description": "The redemption's id, or `code:…` with the code that the member shows (percent-encoded).",
        "example": "019a9f52-6b0c-7d18-9b3f-2e5a7c9d1f60",
    },
    "at": {
        "description": "The moment to look at, RFC 3339; left out: now.",
        "example": "2026-06-30T23:59:59Z",
    },
}


def _describe_parameters(operation: dict[str, Any]) -> None:
    for parameter in operation["parameters"]:
        for name, value in PARAMETERS.get(parameter["name"], {}).items():
            parameter.setdefault(name, value)


def build(namespace: str = "api") -> Api:
    """An API without routers: the parser, the handlers and the public document."""
    api = Api(
        title="Laurel",
        version="1.0.0",
        description=ABOUT,
        urls_namespace=namespace,
        docs_url=None,
        parser=StrictParser(),
    )
    api.add_exception_handler(Exception, _on_exception)
    api.add_exception_handler(LaurelError, _on_exception)
    api.add_exception_handler(HttpError, _on_http_error)
    api.add_exception_handler(ValidationError, _on_validation_error)
    return api


def _on_exception(request: HttpRequest, exc: Any) -> HttpResponse:
    return http.problem(http.as_error(exc), request)


def _on_http_error(request: HttpRequest, exc: Any) -> HttpResponse:
    """ninja hides what the parser raised behind an error of its own."""
    cause = exc.__cause__
    return http.problem(http.as_error(cause) if cause else http.for_status(exc.status_code), request)


# Pydantic's names for faults that have a name of ours; all others keep theirs.
CODES = {
    "missing": "required",
    "extra_forbidden": "unknown_field",
    "int_type": "integer_expected",
    "int_from_float": "integer_expected",
    "string_type": "text_expected",
    "bool_type": "boolean_expected",
    "dict_type": "object_expected",
    "model_type": "object_expected",
    "list_type": "list_expected",
    "greater_than": "too_small",
    "greater_than_equal": "too_small",
    "less_than": "too_large",
    "less_than_equal": "too_large",
    "string_too_long": "text_too_long",
    "string_too_short": "text_required",
    "too_long": "too_many_items",
    "too_short": "too_few_items",
    "string_pattern_mismatch": "text_invalid",
    "literal_error": "choice_unknown",
}


def _on_validation_error(request: HttpRequest, exc: Any) -> HttpResponse:
    return http.problem(invalid([_fault(fault) for fault in exc.errors]), request)


def _fault(fault: Mapping[str, Any]) -> FieldError:
    source, *where = fault["loc"]
    path = ""
    for part in where[1:] if source == "body" else where:
        path = key_path(path, part)
    code = CODES.get(fault["type"], fault["type"])
    return FieldError(
        path if source == "body" else f"?{path.removeprefix('/')}", code, str(fault["msg"])[:300]
    )


api = build()
# What stands behind a member goes first, the longest of it foremost: an external id may itself hold a slash, so
# /members/…/history would also take /members/…/tier/history.
for router in (tiers, ledger, events, campaigns, rewards, redemptions):
    api.add_router("", router)
