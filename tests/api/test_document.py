"""The public document: complete, true, and the source of the test of who may do what."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from jsonschema_rs import Draft202012Validator

from loyalty.base import clock
from loyalty.config.api import api
from loyalty.ledger.models import Transaction
from loyalty.programs.models import IdempotencyKey, Program, Scope
from tests.api.calls import Answer, Caller, read, refused
from tests.rewards_api import shelf

Json = dict[str, Any]
PLACEHOLDERS = {"member": "ext:ana", "offer": "five-off"}


def document() -> Json:
    made: Json = json.loads(json.dumps(api.get_openapi_schema(path_prefix="/api/v1/"), default=str))
    return made


DOCUMENT = document()
OPERATIONS: list[tuple[str, str]] = [
    (method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods
]


def described(method: str, path: str) -> Json:
    found: Json = DOCUMENT["paths"][path][method.lower()]
    return found


def address(path: str, **ids: str) -> str:
    for name, value in {**PLACEHOLDERS, **ids}.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def query_of(method: str, path: str) -> str:
    """The parameters that an operation cannot do without."""
    asked = [one for one in described(method, path)["parameters"] if one["in"] == "query"]
    told = [f"{one['name']}={one['example']}" for one in asked if one["required"]]
    return "?" + "&".join(told) if told else ""


def request_of(method: str, path: str) -> tuple[object, dict[str, str]]:
    """The documented example of a request: body and headers."""
    operation = described(method, path)
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
    named = {one["name"]: one for one in operation["parameters"] if one["in"] == "header"}
    headers = {"Idempotency_Key": f"example {path}"} if "Idempotency-Key" in named else {}
    return body, headers


def test_the_document_is_public_and_the_same_as_the_code() -> None:
    public = Client().get("/api/v1/openapi.json")
    assert public.status_code == 200
    assert public.json() == DOCUMENT


def test_the_issue_is_covered() -> None:
    prefix = "/api/v1"
    assert {(method, path.removeprefix(prefix)) for method, path in OPERATIONS} == {
        ("POST", "/members/register"),
        ("GET", "/members/{member}"),
        ("PATCH", "/members/{member}"),
        ("GET", "/members/{member}/history"),
        ("GET", "/members/{member}/balances"),
        ("GET", "/members/{member}/tier"),
        ("GET", "/members/{member}/tier/history"),
        ("POST", "/events"),
        ("POST", "/events/batch"),
        ("GET", "/events/{event}"),
        ("POST", "/transactions/accrue"),
        ("POST", "/transactions/redeem"),
        ("POST", "/transactions/transfer"),
        ("POST", "/transactions/{transaction}/reverse"),
        ("POST", "/quotes"),
        ("GET", "/rewards"),
        ("GET", "/offers/available"),
        ("POST", "/offers/{offer}/claim"),
        ("GET", "/redemptions/{redemption}"),
        ("POST", "/redemptions/{redemption}/confirm"),
        ("POST", "/redemptions/{redemption}/cancel"),
        ("POST", "/redemptions/{redemption}/use"),
        ("POST", "/redemptions/{redemption}/fulfil"),
        ("POST", "/redemptions/{redemption}/refund"),
    }


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_operation_is_described_with_examples(method: str, path: str) -> None:
    operation = described(method, path)
    assert operation["summary"]
    assert operation["description"]
    assert operation["security"][0]["ApiKey"][0] in Scope.values
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            assert answer["content"]["application/json"]["example"]
        else:
            assert answer == {"$ref": "#/components/responses/Problem"}
    if method in ("POST", "PATCH"):
        assert operation["requestBody"]["content"]["application/json"]["example"]
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            assert parameter["example"]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_the_printed_answers_have_the_described_shape(method: str, path: str) -> None:
    for status, answer in described(method, path)["responses"].items():
        if status.startswith("2"):
            check_shape(answer, answer["content"]["application/json"]["example"])


def check_shape(answer: Json, body: object) -> None:
    schema = {**answer["content"]["application/json"]["schema"], "components": DOCUMENT["components"]}
    Draft202012Validator(_closed(schema)).validate(body)


def _closed(node: Any) -> Any:
    """The schema with no room for a field that is not described."""
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {key: _closed(value) for key, value in node.items()}
    if isinstance(closed.get("properties"), dict) and "additionalProperties" not in closed:
        closed["additionalProperties"] = False
    return closed


@pytest.fixture
def examples_run(shop: Caller, program: Program, ana: str, ben: str) -> Callable[[str, str], Answer]:
    """Runs the documented example of an operation against a program with Ana, Ben, their points and rewards."""
    shelf.put_up(program)
    event = read(shop.post("/events", _visit("v1")))["event"]
    earned = str(Transaction.objects.get(member_id=ana, kind="earn").pk)

    def run(method: str, path: str) -> Answer:
        body, headers = request_of(method, path)
        taken = shelf.taken_for(path, ana) if "{redemption}" in path else ""
        place = address(path, event=event, transaction=earned, redemption=taken) + query_of(method, path)
        return shop.send(method, place, body, **headers)

    return run


def _visit(number: str) -> Json:
    at = clock.write_instant(clock.now())
    return {"id": number, "type": "visit.checked_in", "occurred_at": at, "member": "ext:ana"}


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_example_works_and_answers_in_the_described_shape(
    examples_run: Callable[[str, str], Answer], method: str, path: str
) -> None:
    response = examples_run(method, path)
    assert 200 <= response.status_code < 300, response.content
    answers = described(method, path)["responses"]
    assert str(response.status_code) in answers
    check_shape(answers[str(response.status_code)], read(response))


PAIRS = [(method, path, scope) for method, path in OPERATIONS for scope in Scope.values]


@pytest.mark.parametrize(("method", "path", "scope"), PAIRS)
def test_only_the_documented_scope_opens_an_operation(
    caller_with: Callable[..., Caller], method: str, path: str, scope: str
) -> None:
    body, headers = request_of(method, path)
    response = caller_with(scope).send(method, address(path), body, **headers)
    needed = described(method, path)["security"][0]["ApiKey"]
    if scope in needed:
        assert response.status_code not in (401, 403, 500), response.content
    else:
        assert refused(response, 403, "missing_scope")["scope"] in needed
        assert not IdempotencyKey.objects.exists()


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_nothing_opens_without_a_key(db: None, method: str, path: str) -> None:
    body, headers = request_of(method, path)
    caller = Caller("lk_live_nobody")
    refused(caller.send(method, address(path), body, **headers), 401, "key_invalid")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_operation_takes_a_parameter_it_does_not_know(shop: Caller, method: str, path: str) -> None:
    body, headers = request_of(method, path)
    response = shop.send(method, f"{address(path)}?is_admin=1", body, **headers)
    refused(response, 422, "unknown_parameter")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        one
        for one in OPERATIONS
        if one[0] == "POST" and re.search("/(transactions|offers|redemptions)/", one[1])
    ],
)
def test_whatever_moves_points_needs_an_idempotency_key(shop: Caller, method: str, path: str) -> None:
    body, _ = request_of(method, path)
    refused(shop.send(method, address(path), body), 400, "idempotency_key_missing")
