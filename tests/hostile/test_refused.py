"""Bad numbers, times, texts and bodies at the real endpoints: an explained 4xx, and no row anywhere has changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from loyalty.base import clock
from tests.api.calls import Caller, make_campaign, make_channel, make_key, make_program, read, refused
from tests.hostile.untouched import nothing_written

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def shop(lasting: Callable[[], None]) -> Caller:
    """Once for all, as nothing here may change anything: a shop in whose program Ana has 1,000 points and Ben none."""
    program = make_program()
    make_campaign(program)
    shop = Caller(make_key(make_channel(program))[1])
    for name in ("ana", "ben"):
        shop.post("/members/register", {"external_id": name, "email": f"{name}@example.org"})
    sale = {"member": "ext:ana", "amount": "1000.00", "order_id": "A-1"}
    assert shop.post("/transactions/accrue", sale, Idempotency_Key="ana-1").status_code == 200
    lasting()
    return shop


@pytest.fixture(scope="module")
def ana(shop: Caller) -> str:
    return str(read(shop.get("/members/ext:ana"))["id"])


@pytest.fixture(scope="module")
def ben(shop: Caller) -> str:
    return str(read(shop.get("/members/ext:ben"))["id"])


def an_order(**more: Any) -> dict[str, Any]:
    lines = [{"sku": "BEANS", "quantity": 2, "unit_price": "10.00"}]
    return {"order_id": "H-1", "currency": "EUR", "lines": lines, **more}


def an_event(**more: Any) -> dict[str, Any]:
    return {
        "id": "h-1",
        "type": "order.completed",
        "occurred_at": clock.write_instant(clock.now()),
        "member": "ext:ana",
        "data": an_order(),
        **more,
    }


def line(**more: Any) -> dict[str, Any]:
    return an_event(data=an_order(lines=[{"sku": "BEANS", "unit_price": "10.00", **more}]))


def raw(old: str, new: str) -> bytes:
    """A sound event with a piece of its text replaced: what no JSON writer would produce."""
    text = json.dumps(an_event(data=an_order(lines=[{"sku": "BEANS", "quantity": 2, "unit_price": 10}])))
    assert old in text
    return text.replace(old, new).encode()


def one_problem(shop: Caller, body: object, status: int, code: str, path: str = "/events") -> None:
    with nothing_written():
        problem = refused(shop.post(path, body), status, code)
    assert problem["title"]
    assert problem["detail"]


# --- numbers -------------------------------------------------------------------------------------------------

NUMBERS = [
    ("NaN", 400),
    ("Infinity", 400),
    ("-Infinity", 400),
    ("1e400", 422),
    ("1e999999", 422),
    ("12345678901234567890.89", 422),
    ("1.0000000000000000000001", 422),
    ("10.001", 422),
    ("-10", 422),
    ('"1_000"', 422),
    ('"١٢"', 422),
    ('" 5 "', 422),
    ('"5,00"', 422),
    ('"1e2"', 422),
    ('"0x10"', 422),
    ('"+5"', 422),
    ("true", 422),
    ("null", 422),
    ("[10]", 422),
    ('{"a": 1}', 422),
    ("9223372036854775808", 422),
]


@pytest.mark.parametrize(("number", "status"), NUMBERS, ids=[one[0] for one in NUMBERS])
def test_a_price_that_is_no_exact_amount_of_money_is_refused(
    shop: Caller, ana: str, number: str, status: int
) -> None:
    with nothing_written():
        answer = shop.post("/events", raw('"unit_price": 10', f'"unit_price": {number}'))
    problem = refused(answer, status, read(answer)["code"])
    if "errors" in problem:  # a number that no part of the house can hold is refused before it has a place
        assert problem["errors"][0]["path"] == "/data/lines/0/unit_price"


@pytest.mark.parametrize(
    "quantity", ["-1", "0", "0.0001", "1e9", "true", '"two"', "NaN", "99999999999999999999", "[1]", '"1_0"']
)
def test_a_quantity_that_is_none_is_refused(shop: Caller, ana: str, quantity: str) -> None:
    with nothing_written():
        answer = shop.post("/events", raw('"quantity": 2', f'"quantity": {quantity}'))
    assert answer.status_code in (400, 422), answer.content


@pytest.mark.parametrize("currency", ["eur", "XXX", "USD", "EURO", "", "€", 978, None, ["EUR"]])
def test_only_the_programs_currency_in_its_one_spelling_is_money(
    shop: Caller, ana: str, currency: object
) -> None:
    with nothing_written():
        answer = shop.post("/events", an_event(data=an_order(currency=currency)))
    assert answer.status_code == 422
    assert read(answer)["errors"][0]["path"] == "/data/currency"


@pytest.mark.parametrize(
    "points",
    [0, -100, 100.5, "100", True, None, 2**63, 2**70, 1e400, [100], {"points": 100}, 9_007_199_254_740_993],
)
def test_points_to_redeem_are_a_whole_positive_number_or_nothing_happens(
    shop: Caller, ana: str, points: object
) -> None:
    body = json.dumps({"member": ana, "points": points, "reference": "r"}).encode()
    with nothing_written():
        answer = shop.post("/transactions/redeem", body, Idempotency_Key="bad-points")
    assert answer.status_code in (400, 409, 422), answer.content
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("points", [0, -1, 1.5, "5", True, 2**63])
def test_points_to_give_away_or_to_take_back_are_whole_and_positive(
    shop: Caller, ana: str, ben: str, points: object
) -> None:
    [earned] = [row for row in read(shop.get(f"/members/{ana}/history"))["items"] if row["kind"] == "earn"]
    calls = [
        ("/transactions/transfer", {"member": ana, "to": ben, "points": points}),
        (f"/transactions/{earned['id']}/reverse", {"points": points, "reason_code": "x"}),
    ]
    with nothing_written():
        for path, body in calls:
            answer = shop.post(path, body, Idempotency_Key="k")
            assert answer.status_code == 422, (path, answer.content)


# --- times ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("occurred_at", "code"),
    [
        ("2026-11-01T10:00:00", "timestamp_needs_offset"),
        (1_760_000_000, "timestamp_invalid"),
        ("1760000000", "timestamp_invalid"),
        ("2026-11-01", "timestamp_invalid"),
        ("2026-02-30T10:00:00Z", "timestamp_invalid"),
        ("2026-11-01T24:00:00Z", "timestamp_invalid"),
        ("2026-11-01T10:00:00+25:00", "timestamp_invalid"),
        ("9999-12-31T23:59:59-14:00", "timestamp_out_of_range"),
        ("0001-01-01T00:00:00+14:00", "timestamp_out_of_range"),
        ("", "timestamp_invalid"),
        (None, "required"),
        (True, "timestamp_invalid"),
        ("now", "timestamp_invalid"),
        ("2026-11-01T10:00:00Z\u0000", "text_nul"),
        ("２０２６-11-01T10:00:00Z", "timestamp_invalid"),
    ],
)
def test_a_time_that_is_no_instant_is_refused(shop: Caller, ana: str, occurred_at: object, code: str) -> None:
    one_problem(shop, an_event(occurred_at=occurred_at), 422, code)


@pytest.mark.parametrize(
    "birthday",
    ["2999-01-01", "0001-01-01", "9999-12-31", "1990-02-30", 19900514, "14/05/1990", "1990-05-14T00:00:00Z"],
)
def test_a_birthday_that_cannot_be_is_refused(shop: Caller, ana: str, birthday: object) -> None:
    with nothing_written():
        answers = [
            shop.post("/members/register", {"external_id": "new", "birthday": birthday}),
            shop.patch(f"/members/{ana}", {"birthday": birthday}),
        ]
    for answer in answers:
        assert answer.status_code == 422
        assert read(answer)["errors"][0]["path"] == "/birthday"


# --- fields that are not the caller's ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "field", ["balance", "tier", "program_id", "approved_by", "points", "status", "__proto__"]
)
def test_fields_that_are_not_offered_are_refused_everywhere(
    shop: Caller, ana: str, ben: str, field: str
) -> None:
    """In every body, at every depth."""
    more = {field: 1}
    now = clock.write_instant(clock.now())
    calls: list[tuple[str, dict[str, Any]]] = [
        ("/events", an_event(**more)),
        ("/events", an_event(data=an_order(**more))),
        ("/events", line(**more)),
        ("/events", an_event(type="order.returned", data={"order_id": "A-1", **more})),
        (
            "/events",
            an_event(
                type="order.returned", data={"order_id": "A-1", "lines": [{"id": "1", "quantity": 1} | more]}
            ),
        ),
        ("/events", an_event(type="order.cancelled", data={"order_id": "A-1", **more})),
        ("/events", an_event(type="member.registered", data={"external_id": "x", **more})),
        ("/events", an_event(type="visit.checked_in", data=more)),
        ("/members/register", {"external_id": "x", **more}),
        ("/quotes", {"amount": "1.00", **more}),
    ]
    if field != "points":
        calls += [
            ("/transactions/redeem", {"member": ana, "points": 100, **more}),
            ("/transactions/transfer", {"member": ana, "to": ben, "points": 1, **more}),
        ]
    calls.append(("/transactions/accrue", {"member": ana, "amount": "1.00", "occurred_at": now, **more}))
    with nothing_written():
        for number, (path, body) in enumerate(calls):
            answer = shop.post(path, body, Idempotency_Key=f"k-{number}")
            problem = refused(answer, 422, read(answer)["code"])
            unknown = [one["path"] for one in problem["errors"] if one["code"] == "unknown_field"]
            assert len(unknown) == 1, (path, problem)
            assert unknown[0].endswith(f"/{field}"), (path, problem)


# --- bodies --------------------------------------------------------------------------------------------------

BODIES = [
    (b"", 415),
    (b"{", 400),
    (b"null", 422),
    (b"[]", 422),
    (b'"text"', 422),
    (b"{} {}", 400),
    (b"{}\x00", 400),
    (b'\xef\xbb\xbf{"id": "x"}', 400),
    ('{"id": "x"}'.encode("utf-16"), 400),
    (b'{"id": "x", "id": "y"}', 400),
    (b'{"id": "\xff"}', 400),
    (b'{"id": "\\ud800"}', 422),
    (b"[" * 100_000, 400),
    (b'{"a":' * 50_000, 400),
    (b'{"data": [' + b"1," * 120_000 + b"1]}", 400),
    (b" " * 300_000, 413),
]


@pytest.mark.parametrize(("body", "status"), BODIES, ids=range(len(BODIES)))
def test_a_body_that_is_no_sound_json_is_refused_and_nothing_kept(
    shop: Caller, ana: str, body: bytes, status: int
) -> None:
    with nothing_written():
        answer = shop.post("/events", body)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert read(answer)["code"] != "internal_error"


@pytest.mark.parametrize("text", ["\u0000", "a\u0000b", "\ud800", "\x1b[2J", "a" * 201, "", " "])
@pytest.mark.parametrize("where", ["id", "source", "order_id", "sku", "external_id", "name"])
def test_texts_that_break_things_are_refused(shop: Caller, ana: str, where: str, text: str) -> None:
    bodies: dict[str, tuple[str, dict[str, Any]]] = {
        "id": ("/events", an_event(id=text)),
        "source": ("/events", an_event(source=text)),
        "order_id": ("/events", an_event(data=an_order(order_id=text))),
        "sku": ("/events", line(sku=text)),
        "external_id": ("/members/register", {"external_id": text}),
        "name": ("/members/register", {"external_id": "x", "name": text}),
    }
    path, body = bodies[where]
    if where == "name" and text in ("", " "):
        return  # a member may be without a name
    with nothing_written():
        answer = shop.post(path, body)
    assert answer.status_code in (400, 422), answer.content
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1//events",
        "/api/v1/events/",
        "/api/v1/events/../events",
        "/api/v1/%2e%2e/events",
        "/api/v1/events%00",
        "/api/v1/events;x=1",
        "/api/v1/events.",
        "/api/v1/EVENTS",
        "/api/v2/events",
    ],
)
def test_an_address_that_is_only_like_one_of_ours_is_none(shop: Caller, ana: str, path: str) -> None:
    with nothing_written():
        answer = shop.post(path, an_event())
    assert answer.status_code in (400, 404, 405), (answer.status_code, answer.content)
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "HEAD"])
def test_a_method_that_is_not_offered_does_nothing(shop: Caller, ana: str, method: str) -> None:
    with nothing_written():
        answer = shop.send(method, "/events", an_event(), X_HTTP_Method_Override="POST")
    assert answer.status_code == 405


@pytest.mark.parametrize(
    "reference",
    [
        "' OR 1=1 --",
        "%",
        "_",
        "x'); DROP TABLE ledger_entry; --",
        "ext:' OR ''='",
        "email:a@b.c' OR 1=1",
        "card:%",
        "*",
    ],
)
def test_no_reference_finds_somebody_by_trickery(shop: Caller, ana: str, ben: str, reference: str) -> None:
    with nothing_written():
        for path in ("", "/balances", "/history"):
            answer = shop.client.get(
                f"/api/v1/members/{reference.replace('%', '%25')}{path}", headers=shop.headers
            )
            assert answer.status_code in (404, 422), answer.content
        redeemed = shop.post(
            "/transactions/redeem", {"member": reference, "points": 100}, Idempotency_Key="k"
        )
    assert redeemed.status_code in (404, 422)
