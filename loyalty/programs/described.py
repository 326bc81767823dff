"""What the public document (OpenAPI 3.1) says of an endpoint, beyond what its signature says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from loyalty.base import http, strict_json

SECURITY = "ApiKey"
PROBLEM = {"$ref": "#/components/responses/Problem"}

IDEMPOTENCY_KEY: Mapping[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "A new unique text for each act; the same one when the request is repeated. Kept for 30 days.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]([ -~]*[!-~])?$"},
    "example": "till-7-receipt-000123",
}
REPLAYED: Mapping[str, Any] = {
    "description": "`true` when this is the first answer again.",
    "schema": {"type": "string"},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Described:
    """An endpoint: `example` and `shows` are the request and the answer that the documentation prints (`shows_at`
    for a status of its own); `body` is the schema of a body that the view reads itself; `refuses` are statuses
    beyond the usual ones."""

    method: str
    scope: str
    summary: str
    answers: Mapping[int, type[BaseModel]]
    example: Mapping[str, Any] | None = None
    shows: Any = None
    shows_at: Mapping[int, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    refuses: Sequence[int] = ()
    headers: Sequence[Mapping[str, Any]] = ()
    idempotent: bool = False
    max_bytes: int = strict_json.MAX_BYTES

    @property
    def takes_body(self) -> bool:
        return self.method in ("POST", "PATCH", "PUT")

    def as_openapi(self) -> dict[str, Any]:
        responses: dict[int, Any] = {status: self._answer(status) for status in self.answers}
        responses.update(dict.fromkeys(sorted(self._refusals()), PROBLEM))
        extra: dict[str, Any] = {
            "security": [{SECURITY: [self.scope]}],
            "responses": responses,
            "parameters": [*([dict(IDEMPOTENCY_KEY)] if self.idempotent else []), *map(dict, self.headers)],
        }
        if self.takes_body:
            schema = {} if self.body is None else {"schema": self.body}
            extra["requestBody"] = {
                "content": {http.JSON: {**schema, "example": self.example}},
                "required": True,
            }
        return extra

    def _refusals(self) -> set[int]:
        body = {400, 411, 413, 415} if self.takes_body else set()
        return {401, 403, 422, 429, 503, *body, *self.refuses, *([409] if self.idempotent else [])}

    def _answer(self, status: int) -> dict[str, Any]:
        printed = self.shows_at.get(status, self.shows)
        shown: dict[str, Any] = {"content": {http.JSON: {"example": printed}}}
        if self.idempotent:
            shown["headers"] = {"Idempotent-Replayed": dict(REPLAYED)}
        return shown
