from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.base.clock import write_instant
from loyalty.base.errors import Invalid
from loyalty.base.strict_json import dumps
from loyalty.events.payloads import Reader, Sent
from loyalty.programs.attributes import schema_of
from loyalty.programs.models import Channel, Program
from tests.events.characters import an_event, an_order
from tests.programs.characters import NOON

WORKSHOP = schema_of(
    [{"code": "title", "type": "text"}, {"code": "hours", "type": "number", "required": True}]
)


def reader(currency: str = "GBP", **channel: Any) -> Reader:
    program = Program(code="beans", currency=currency, timezone="Europe/London", event_window_days=365)
    sender = Channel(program=program, code="shop", kind="shop", **channel)
    return Reader(sender, NOON, custom={"workshop.attended": WORKSHOP})


def read(event: object) -> Sent:
    return reader().read(event)


def refused(event: object, by: Reader | None = None) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as wrong:
        (by or reader()).read(event)
    return [(one.path, one.code) for one in wrong.value.errors]


def test_an_order_is_kept_in_one_normal_form() -> None:
    assert read(an_event()).data == {
        "order_id": "o-1",
        "currency": "GBP",
        "revision": 0,
        "lines": [
            {
                "id": "1",
                "sku": "bag",
                "quantity": "2",
                "unit_price": "16.00",
                "discount": "2.00",
                "tax": "5.00",
                "amount": "30.00",
                "gift_card": False,
            },
            {
                "id": "2",
                "sku": "mug",
                "quantity": "1",
                "unit_price": "12.00",
                "discount": "0.00",
                "tax": "0.00",
                "amount": "12.00",
                "gift_card": False,
            },
        ],
        "shipping": "0.00",
        "discount": "0.00",
        "points_paid": "0.00",
        "total": "42.00",
    }


def test_text_numbers_and_json_numbers_mean_the_same() -> None:
    as_numbers = an_order(
        lines=[
            {"sku": "bag", "quantity": "2.000", "unit_price": 16, "discount": Decimal("2.0"), "tax": "5"},
            {"sku": "mug", "quantity": Decimal("1"), "unit_price": Decimal("12.00")},
        ],
        total=Decimal("42.0"),
        shipping=None,
    )
    assert read(an_event(data=as_numbers)).data == read(an_event()).data


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"id": None}, "/id", "required"),
        ({"id": ""}, "/id", "required"),
        ({"id": 7}, "/id", "text_invalid"),
        ({"id": "x" * 201}, "/id", "text_too_long"),
        ({"id": "a\x00b"}, "/id", "text_nul"),
        ({"id": "\udfff"}, "/id", "text_surrogate"),
        ({"id": "signup-ana@example.org"}, "/id", "personal_data"),
        ({"type": "order.minted"}, "/type", "event_type_unknown"),
        ({"type": ["order.completed"]}, "/type", "event_type_unknown"),
        ({"type": None}, "/type", "required"),
        ({"source": "laurel"}, "/source", "source_reserved"),
        ({"occurred_at": "2026-11-21T10:00:00"}, "/occurred_at", "timestamp_needs_offset"),
        ({"occurred_at": 1795255200}, "/occurred_at", "timestamp_invalid"),
        ({"occurred_at": "9999-12-31T23:59:59Z"}, "/occurred_at", "timestamp_out_of_range"),
        ({"occurred_at": None}, "/occurred_at", "required"),
        ({"member": "ana"}, "/member", "member_reference_invalid"),
        ({"member": {"email": "ana@example.org"}}, "/member", "member_reference_invalid"),
        ({"data": []}, "/data", "object_expected"),
        ({"balance": 1}, "/balance", "unknown_field"),
        ({"program_id": 1}, "/program_id", "unknown_field"),
    ],
)
def test_a_wrong_envelope_is_refused_with_its_path(changes: dict[str, Any], path: str, code: str) -> None:
    assert refused(an_event(**changes)) == [(path, code)]


@pytest.mark.parametrize("event", [None, [], "order", 1, True])
def test_what_is_no_object_is_no_event(event: object) -> None:
    assert refused(event) == [("", "object_expected")]


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"order_id": None}, "/data/order_id", "required"),
        ({"order_id": "ana@example.org"}, "/data/order_id", "personal_data"),
        ({"currency": None}, "/data/currency", "required"),
        ({"currency": "EUR"}, "/data/currency", "currency_mismatch"),
        ({"currency": "gbp"}, "/data/currency", "currency_unknown"),
        ({"currency": "XXX"}, "/data/currency", "currency_unknown"),
        ({"revision": -1}, "/data/revision", "number_out_of_range"),
        ({"revision": True}, "/data/revision", "integer_expected"),
        ({"lines": []}, "/data/lines", "list_expected"),
        ({"lines": None}, "/data/lines", "required"),
        ({"lines": {}}, "/data/lines", "list_expected"),
        ({"lines": [{"sku": "a", "unit_price": "1.00"}] * 1001}, "/data/lines", "too_many_items"),
        ({"lines": ["mug"]}, "/data/lines/0", "object_expected"),
        ({"shipping": "-1.00"}, "/data/shipping", "amount_negative"),
        ({"discount": "42.01"}, "/data/discount", "discount_above_total"),
        ({"points_paid": "42.01"}, "/data/points_paid", "points_paid_above_total"),
        ({"total": "42.01"}, "/data/total", "total_mismatch"),
        ({"total": 1.5}, "/data/total", "number_invalid"),
        ({"email": "ana@example.org"}, "/data/email", "unknown_field"),
        ({"store": 4}, "/data/store", "text_invalid"),
    ],
)
def test_a_wrong_order_is_refused_with_its_path(changes: dict[str, Any], path: str, code: str) -> None:
    assert refused(an_event(data=an_order(**changes))) == [(path, code)]


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"sku": None}, "sku", "required"),
        ({"unit_price": None}, "unit_price", "required"),
        ({"unit_price": "12.001"}, "unit_price", "money_decimals"),
        ({"unit_price": "1e3"}, "unit_price", "number_invalid"),
        ({"unit_price": " 12.00"}, "unit_price", "number_invalid"),
        ({"unit_price": "١٢"}, "unit_price", "number_invalid"),
        ({"unit_price": "1_000.00"}, "unit_price", "number_invalid"),
        ({"unit_price": "NaN"}, "unit_price", "number_invalid"),
        ({"unit_price": Decimal("NaN")}, "unit_price", "number_invalid"),
        ({"unit_price": Decimal("Infinity")}, "unit_price", "number_invalid"),
        ({"unit_price": True}, "unit_price", "number_invalid"),
        ({"unit_price": 12.5}, "unit_price", "number_invalid"),
        ({"unit_price": "-12.00"}, "unit_price", "amount_negative"),
        ({"unit_price": "10000000000000.00"}, "unit_price", "amount_out_of_range"),
        ({"unit_price": Decimal("1E+999999")}, "unit_price", "number_out_of_range"),
        ({"quantity": 0}, "quantity", "quantity_out_of_range"),
        ({"quantity": -1}, "quantity", "quantity_out_of_range"),
        ({"quantity": "1.0001"}, "quantity", "number_decimals"),
        ({"quantity": 10**6}, "quantity", "quantity_out_of_range"),
        ({"quantity": True}, "quantity", "number_invalid"),
        ({"discount": "12.01"}, "discount", "discount_above_price"),
        ({"tax": "12.01"}, "tax", "tax_above_amount"),
        ({"amount": "12.01"}, "amount", "amount_mismatch"),
        ({"unit_price": "999999999999.99", "quantity": 999999}, "amount", "amount_out_of_range"),
        ({"unit_price": "5000000000000.00", "quantity": 2}, "amount", "amount_out_of_range"),
        ({"gift_card": "no"}, "gift_card", "boolean_expected"),
        ({"gift_card": 0}, "gift_card", "boolean_expected"),
        ({"id": "2"}, "id", "line_id_taken"),
        ({"attributes": {"__class__": 1}}, "attributes", "attribute_name_invalid"),
        ({"attributes": {"size": [1]}}, "attributes/size", "text_invalid"),
        ({"attributes": {str(n): 1 for n in range(31)}}, "attributes", "too_many_items"),
        ({"name": "a\x00"}, "name", "text_nul"),
        ({"points": 500}, "points", "unknown_field"),
    ],
)
def test_a_wrong_line_is_refused_with_its_path(changes: dict[str, Any], field: str, code: str) -> None:
    line = {"id": "1", "sku": "mug", "unit_price": "12.00", **changes}
    other = {"id": "2", "sku": "bag", "unit_price": "16.00"}
    assert refused(an_event(data=an_order(lines=[other, line]))) == [(f"/data/lines/1/{field}", code)]


def test_all_faults_of_an_event_are_told_at_once() -> None:
    broken = an_order(currency="EUR", lines=[{"unit_price": "x", "quantity": 0}], total="1.00")
    told = refused(an_event(id=None, occurred_at="soon", data=broken))
    assert {path for path, _ in told} == {
        "/id",
        "/occurred_at",
        "/data/currency",
        "/data/lines/0/sku",
        "/data/lines/0/unit_price",
        "/data/lines/0/quantity",
    }


@pytest.mark.parametrize(
    ("currency", "price", "good"),
    [("JPY", "1200", True), ("JPY", "1200.0", False), ("KWD", "1.234", True), ("KWD", "1.2345", False)],
)
def test_prices_have_the_decimals_of_their_currency(currency: str, price: str, good: bool) -> None:
    data = {"order_id": "o", "currency": currency, "lines": [{"sku": "a", "unit_price": price}]}
    if good:
        assert reader(currency).read(an_event(data=data)).data["total"] == price
    else:
        assert refused(an_event(data=data), reader(currency)) == [
            ("/data/lines/0/unit_price", "money_decimals")
        ]


def test_half_a_coin_is_rounded_up() -> None:
    lines = [{"sku": "beans", "quantity": "0.125", "unit_price": "10.20", "amount": "1.28"}]  # 1.275
    assert read(an_event(data=an_order(lines=lines))).data["total"] == "1.28"


HALF = "5000000000000.00"  # of what is too much
JUST = "9999999999999.99"


def lines_at(*prices: str) -> list[dict[str, Any]]:
    return [{"sku": "mug", "unit_price": price} for price in prices]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"lines": lines_at(HALF, HALF)}, "/data/lines"),
        ({"lines": lines_at(HALF, HALF), "discount": "1.00"}, "/data/lines"),
        ({"lines": lines_at(JUST), "shipping": "0.01"}, "/data/total"),
        ({"lines": lines_at(JUST), "shipping": "0.01", "total": JUST}, "/data/total"),
    ],
)
def test_an_order_of_more_than_the_books_have_room_for_is_refused(changes: dict[str, Any], path: str) -> None:
    assert refused(an_event(data=an_order(**changes))) == [(path, "amount_out_of_range")]


@pytest.mark.parametrize(
    ("lines", "path"),
    [
        (lines_at(HALF, HALF), "/data/lines"),
        ([{"sku": "mug", "unit_price": HALF, "quantity": 2}], "/data/lines/0/amount"),
    ],
)
def test_so_is_a_return_without_an_order(lines: list[dict[str, Any]], path: str) -> None:
    data = {"currency": "GBP", "lines": lines}
    assert refused(an_event(kind="order.returned", data=data)) == [(path, "amount_out_of_range")]


def test_a_line_has_up_to_thirty_attributes() -> None:
    attributes = {f"a{n}": str(n) for n in range(30)}
    lines = [{"sku": "mug", "unit_price": "1.00", "attributes": attributes}]
    assert read(an_event(data=an_order(lines=lines))).data["lines"][0]["attributes"] == attributes


def test_an_order_of_nothing_is_an_order() -> None:
    assert read(an_event(data=an_order(lines=[{"sku": "gift", "unit_price": 0}]))).data["total"] == "0.00"


@given(
    st.lists(
        st.tuples(st.integers(1, 10**9), st.integers(0, 10**9), st.integers(0, 100)), min_size=1, max_size=7
    )
)
def test_sums_add_up_exactly_for_any_basket(basket: list[tuple[int, int, int]]) -> None:
    lines = []
    total = 0
    for thousandths, pence, cut in basket:
        full, rest = divmod(thousandths * pence, 1000)
        amount = max(0, full + (rest >= 500) - (full * cut // 100))
        discount = full * cut // 100
        total += amount
        quantity, price = Decimal(thousandths) / 1000, Decimal(pence) / 100
        if quantity >= 10**6:
            return
        money = str(Decimal(discount) / 100)
        lines.append({"sku": "x", "quantity": str(quantity), "unit_price": price, "discount": money})
    if total >= 10**15:
        assert refused(an_event(data=an_order(lines=lines))) == [("/data/lines", "amount_out_of_range")]
        return
    data = an_order(lines=lines, total=str((Decimal(total) / 100).quantize(Decimal("0.01"))))
    assert read(an_event(data=data)).data["total"] == data["total"]


def test_an_amended_order_says_which_revision_it_is() -> None:
    assert refused(an_event(kind="order.amended")) == [("/data/revision", "required")]
    assert read(an_event(kind="order.amended", data=an_order(revision=3))).data["revision"] == 3


def test_a_return_names_lines_or_means_all_of_the_order() -> None:
    whole = read(an_event(kind="order.returned", data={"order_id": "o-1", "return_id": "r-1"}))
    assert (whole.data, whole.order_reference) == ({"return_id": "r-1", "order_id": "o-1"}, "o-1")
    part = {"order_id": "o-1", "lines": [{"id": 1, "quantity": "1.50"}, {"sku": "mug", "quantity": 1}]}
    assert read(an_event(kind="order.returned", data=part)).data["lines"] == [
        {"id": "1", "quantity": "1.5"},
        {"sku": "mug", "quantity": "1"},
    ]


def test_a_return_without_an_order_is_a_priced_basket() -> None:
    data = {"currency": "GBP", "lines": [{"sku": "mug", "unit_price": "12.00", "quantity": 2}]}
    sent = read(an_event(kind="order.returned", data=data))
    assert (sent.data["total"], sent.order_reference) == ("24.00", "")


@pytest.mark.parametrize(
    ("data", "path", "code"),
    [
        ({"lines": [{"sku": "mug", "unit_price": "1.00"}]}, "/data/currency", "required"),
        ({"currency": "GBP"}, "/data/lines", "required"),
        ({"order_id": "o-1", "currency": "EUR"}, "/data/currency", "currency_mismatch"),
        ({"order_id": "o-1", "lines": []}, "/data/lines", "list_expected"),
        ({"order_id": "o-1", "lines": [{"quantity": 1}]}, "/data/lines/0/id", "required"),
        ({"order_id": "o-1", "lines": [{"sku": "a"}]}, "/data/lines/0/quantity", "required"),
        ({"order_id": "o-1", "lines": [{"id": "1", "quantity": 1}] * 2}, "/data/lines/1/id", "line_id_taken"),
        ({"order_id": "o-1", "points": 1}, "/data/points", "unknown_field"),
    ],
)
def test_a_wrong_return_is_refused_with_its_path(data: dict[str, Any], path: str, code: str) -> None:
    assert refused(an_event(kind="order.returned", data=data)) == [(path, code)]


@pytest.mark.parametrize(
    ("kind", "data", "path", "code"),
    [
        ("order.cancelled", {}, "/data/order_id", "required"),
        ("review.submitted", {"rating": 6}, "/data/rating", "number_out_of_range"),
        ("review.submitted", {"rating": "5"}, "/data/rating", "integer_expected"),
        ("review.submitted", {}, "/data/rating", "required"),
        ("referral.converted", {}, "/data/referee", "required"),
        ("referral.converted", {"referee": "ext:ana"}, "/data/referee", "self_referral"),
        ("visit.checked_in", {"till": 3}, "/data/till", "unknown_field"),
        ("workshop.attended", {"hours": "many"}, "/data/hours", "number_invalid"),
        ("workshop.attended", {}, "/data/hours", "required"),
        ("workshop.attended", {"hours": "99999999999999999999"}, "/data/hours", "number_out_of_range"),
        ("workshop.attended", {"hours": -(10**13)}, "/data/hours", "number_out_of_range"),
        ("workshop.attended", {"hours": 1, "email": "a@b.cc"}, "/data/email", "unknown_field"),
        ("member.updated", {"name": 5}, "/data/name", "text_invalid"),
        ("member.registered", {"external_id": "ben"}, "/member", "member_mismatch"),
    ],
)
def test_other_wrong_events_are_refused_with_their_path(
    kind: str, data: dict[str, Any], path: str, code: str
) -> None:
    assert refused(an_event(kind=kind, data=data)) == [(path, code)]


def test_other_events_are_kept_as_declared() -> None:
    review = read(an_event(kind="review.submitted", data={"rating": 5, "has_photo": True, "sku": "mug"}))
    assert review.data == {"sku": "mug", "rating": 5, "has_photo": True}
    workshop = read(an_event(kind="workshop.attended", data={"hours": Decimal("1.50")}))
    assert workshop.data == {"hours": "1.50"}
    assert read(an_event(kind="visit.checked_in", data=None)).data == {}


def test_free_text_is_kept_without_email_addresses() -> None:
    data = an_order(store="Leeds, call bob@example.org", payment_method="card")
    data["lines"][0] |= {"name": "Mug @home", "attributes": {"engraving": "for ana.b+x@mail.example.org!"}}
    kept = read(an_event(data=data)).data
    assert kept["store"] == "Leeds, call [e-mail]"
    assert kept["lines"][0]["name"] == "Mug @home"
    assert kept["lines"][0]["attributes"] == {"engraving": "for [e-mail]!"}


def test_a_time_without_offset_is_read_in_the_channels_zone() -> None:
    sent = reader(timezone="Asia/Tokyo").read(an_event(occurred_at="2026-11-21T10:00:00"))
    assert write_instant(sent.occurred_at) == "2026-11-21T01:00:00Z"


def test_the_window_of_time_is_exact() -> None:
    oldest, newest = NOON - timedelta(days=365), NOON + timedelta(minutes=5)
    tick = timedelta(milliseconds=1)
    for at, code in (
        (oldest, None),
        (oldest - tick, "event_too_old"),
        (newest, None),
        (newest + tick, "event_in_future"),
    ):
        late = read(an_event(occurred_at=write_instant(at))).late
        assert (late.code if late else None) == code


def test_only_content_tells_a_repetition() -> None:
    first = read(an_event()).content_hash
    assert read(an_event(occurred_at="2026-11-21T13:00:00+01:00")).content_hash == first
    assert read(an_event(source="till")).content_hash == first
    for changes in ({"member": "ext:ben"}, {"data": an_order(store="Leeds")}, {"kind": "order.amended"}):
        other = an_event(**changes)
        other["data"] = {**other["data"], **({"revision": 1} if "kind" in changes else {})}
        assert read(other).content_hash != first


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.decimals(allow_nan=True)
    | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
FIELDS = [
    "order_id",
    "currency",
    "lines",
    "sku",
    "unit_price",
    "quantity",
    "revision",
    "shipping",
    "referee",
    "rating",
    "external_id",
    "email",
    "phone",
    "birthday",
    "attributes",
    "total",
]
KINDS = ["order.completed", "order.amended", "order.returned", "order.cancelled", "member.registered"]
KINDS += ["member.updated", "referral.converted", "review.submitted", "visit.checked_in", "workshop.attended"]


@given(
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from(FIELDS), json_values),
    st.dictionaries(st.sampled_from(["id", "source", "occurred_at", "member", "odd"]), json_values),
)
def test_anything_that_is_json_is_read_or_refused_in_words(
    kind: str, data: dict[str, Any], envelope: dict[str, Any]
) -> None:
    outcome: Sent | Invalid
    try:
        outcome = read({**an_event(kind=kind, data=data), **envelope})
    except Invalid as wrong:
        outcome = wrong
    if isinstance(outcome, Invalid):
        assert outcome.errors
        told: list[object] = [[one.path, one.code, one.message] for one in outcome.errors]
    else:
        told = [[outcome.external_id, outcome.source, outcome.data]]
    assert dumps(told).encode(), "what is answered or stored can be written"
