"""Rewards in program files: what is written is what is on the shelf, and what cannot be is told with its line."""

from __future__ import annotations

from datetime import timedelta
from textwrap import dedent
from typing import Any

import pytest

from loyalty.outbox.models import Fact
from loyalty.programs.models import Program
from rewards import catalogue, stock
from rewards.models import Code, Price, Reward, Stock, StockChange
from tests.program_files.files import CAFE, NOON, apply, export, faults, line_of

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(days=9)
SHELF = CAFE + dedent("""
    rewards:
      - code: five-off
        name: 5 off
        discount: {value: 5.00, minimum_order: 20, valid_days: 60}
        prices: [{points: 450, tiers: [gold]}, {points: 500}]
        position: 10
      - code: mug
        name: Mug
        product:
          sku: MUG
          delivery_attributes: [{code: address, label: Address, required: true}]
        prices: [{points: 1400}]
        variants:
          - {code: white, name: White, stock: 60}
          - {code: blue, name: Blue, stock: 40}
        position: 20
      - code: tote
        name: Tote bag
        product: {delivery: pick_up}
        prices: [{points: 800}]
        stock: 20
        position: 25
      - code: cinema
        name: Cinema
        voucher: {}
        prices: [{points: 850}]
        position: 30
      - code: cupping
        name: Cupping
        experience: {}
        prices: [{points: 1800}]
        audience: {field: activity.orders, op: gte, value: 3, days: 90}
        slots:
          - {code: second, starts_at: 2026-05-02T17:00:00Z, places: 8}
          - {code: first, starts_at: 2026-04-02T17:00:00Z, places: 12}
        position: 40
    """)


def reward(code: str) -> Reward:
    return catalogue.find(Program.objects.get(), code)


def stock_of(code: str, line: str = "") -> Stock:
    return Stock.objects.select_related("reward").get(reward__code=code, code=line)


def test_a_file_puts_rewards_on_the_shelf() -> None:
    outcome = apply(SHELF)
    assert "rewards/mug" in {change.place for change in outcome.changes}
    assert set(Reward.objects.values_list("code", "status")) == {
        (code, "live") for code in ("five-off", "mug", "tote", "cinema", "cupping")
    }
    prices = Price.objects.filter(reward__code="five-off").values_list("points", "tiers")
    assert list(prices) == [(450, ["gold"]), (500, [])]
    assert stock_of("mug", "blue").loaded == 40
    assert not stock_of("mug").is_open
    assert stock_of("cupping", "first").starts_at is not None


def test_applying_a_file_or_its_export_again_writes_no_row() -> None:
    apply(SHELF)
    before = rows()
    assert apply(SHELF, at=LATER).changes == []
    assert apply(export(), at=LATER).changes == []
    assert rows() == before


def test_a_dry_run_tells_the_changes_and_makes_none() -> None:
    apply(SHELF)
    before = rows()
    changed = SHELF.replace("stock: 40", "stock: 55").replace("{points: 500}", "{points: 550}")
    told = apply(changed, at=LATER, dry_run=True).changes
    assert [(one.place, one.field) for one in told] == [
        ("rewards/five-off", "prices"), ("rewards/mug", "variants/blue/stock"),
    ]  # fmt: skip
    assert rows() == before


def test_what_differs_is_brought_in_and_announced() -> None:
    apply(SHELF)
    changed = SHELF.replace("stock: 40", "stock: 55").replace("value: 5.00", "value: 6")
    apply(changed.replace("name: Cinema", "name: Cinema\n    status: paused"), at=LATER)
    assert stock_of("mug", "blue").loaded == 55
    assert StockChange.objects.filter(stock=stock_of("mug", "blue")).first().by == "olga"  # type: ignore[union-attr]
    assert reward("cinema").status == "paused"
    assert reward("mug").revision == 2  # published once, and not touched since
    kinds = Fact.objects.filter(occurred_at=LATER).values_list("type", flat=True)
    assert set(kinds) == {"reward.stock_changed", "reward.changed", "reward.paused"}
    apply(SHELF, at=LATER)
    assert reward("cinema").status == "live"


def test_the_file_says_what_is_loaded_and_not_what_is_left() -> None:
    apply(SHELF)
    before = export()
    Stock.objects.filter(code="blue").update(reserved=3, used=30)
    assert export() == before
    assert apply(SHELF, at=LATER).changes == []
    assert (stock_of("mug", "blue").reserved, stock_of("mug", "blue").used) == (3, 30)


@pytest.mark.parametrize(
    ("code", "line", "right", "place"),
    [
        ("mug", "blue", "stock: 40", "rewards/1/variants/1/stock"),
        ("tote", "", "stock: 20", "rewards/2/stock"),
        ("cupping", "first", "places: 12", "rewards/4/slots/1/places"),
    ],
)
def test_a_stock_below_what_is_issued_is_refused(code: str, line: str, right: str, place: str) -> None:
    apply(SHELF)
    Stock.objects.filter(reward__code=code, code=line).update(reserved=1, used=6)
    fewer = SHELF.replace(right, f"{right.split(maxsplit=1)[0]} 6")
    before = rows()
    assert faults(fewer) == [(line_of(SHELF, right), place, "stock_below_issued")]
    assert rows() == before
    apply(SHELF.replace(right, f"{right.split(maxsplit=1)[0]} 7"))
    assert stock_of(code, line).left == 0


def test_the_codes_of_a_pool_are_no_part_of_a_file() -> None:
    apply(SHELF)
    before = export()
    Code.objects.create(
        program=Program.objects.get(), reward=reward("cinema"), ciphertext=b"x", digest=b"d" * 32,
        last_four="1234", created_at=NOON, changed_at=NOON,
    )  # fmt: skip
    stock.count_codes(stock_of("cinema"), 1, "codes", by="olga", at=NOON)
    assert export() == before
    apply(SHELF.replace("name: Cinema", "name: The cinema"), at=LATER)
    assert stock_of("cinema").loaded == 1


def test_nothing_is_removed() -> None:
    apply(SHELF)
    without = SHELF.replace("      - {code: white, name: White, stock: 60}\n", "").split("  - code: tote")[0]
    outcome = apply(without, at=LATER)
    assert outcome.changes == []
    assert outcome.left == ["rewards/tote", "rewards/cinema", "rewards/cupping"]
    assert stock_of("mug", "white").is_open


def test_variants_and_slots_come_in_the_order_of_the_file() -> None:
    apply(SHELF)
    assert export().index("code: second") < export().index("code: first")
    slots = [f"      - {{code: {one}\n" for one in ("second, starts_at: 2026-05-02T17:00:00Z, places: 8}",
                                                    "first, starts_at: 2026-04-02T17:00:00Z, places: 12}")]  # fmt: skip
    assert all(one in SHELF for one in slots)
    turned = SHELF.replace("".join(slots), "".join(slots[::-1]))
    apply(turned, at=LATER)
    assert export().index("code: first") < export().index("code: second")


def test_a_closed_variant_stays_closed_and_can_be_opened_again() -> None:
    apply(SHELF)
    closed = SHELF.replace("name: Blue, stock: 40}", "name: Blue, stock: 40, open: false}")
    apply(closed)
    assert not stock_of("mug", "blue").is_open
    assert apply(export()).changes == []
    apply(SHELF)
    assert stock_of("mug", "blue").is_open


def test_drafts_that_are_not_finished_are_left_out_of_an_export() -> None:
    program = Program.objects.get(code=apply(SHELF).program)
    catalogue.create(program, "voucher", {"code": "idea", "name": "Idea"}, by="olga", at=NOON)
    assert "code: idea" not in export()
    apply(
        SHELF.replace("name: Cinema", "name: Cinema\n    status: draft").replace(
            "code: cinema", "code: movie"
        )
    )
    assert reward("movie").status == "draft"
    assert "code: movie" in export()


ONE_FAULT = [
    # what is written, instead of what; the place and the code of its fault
    ("value: 5.00", "value: 0", "rewards/0/discount/value", "value_invalid"),
    ("value: 5.00", "value: five", "rewards/0/discount/value", "number_invalid"),
    ("value: 5.00", "value: 5.00, off: percentage", "rewards/0/discount/off", "choice_unknown"),
    ("value: 5.00", "value: 101, off: percent", "rewards/0/discount/value", "percent_invalid"),
    ("value: 5.00", "value: 5.001", "rewards/0/discount/value", "money_decimals"),
    ("minimum_order: 20", "minimum_order: 19.999", "rewards/0/discount/minimum_order", "money_decimals"),
    ("position: 20", "unit_cost: 0.005\n    position: 20", "rewards/1/unit_cost", "money_decimals"),
    ("tiers: [gold]", "tiers: [gold, nosuch]", "rewards/0/prices/0/tiers/1", "tier_unknown"),
    ("valid_days: 60", "valid_days: 0", "rewards/0/discount/valid_days", "greater_than_equal"),
    ("{points: 500}", "{points: 500.5}", "rewards/0/prices/1/points", "points_decimals"),
    ("{points: 500}", "{points: -1}", "rewards/0/prices/1/points", "min_value"),
    ("{points: 500}", "{points: 5, point_type: stars}", "rewards/0/prices/1/point_type", "point_type_unknown"),
    ("prices: [{points: 1400}]", "prices: []", "rewards/1/prices", "price_missing"),
    ("label: Address", "label: ''", "rewards/1/product/delivery_attributes/0/label", "text_required"),
    ("{code: address,", "{code: Address!,", "rewards/1/product/delivery_attributes/0", "attribute_invalid"),
    ("stock: 60", "stock: -1", "rewards/1/variants/0/stock", "greater_than_equal"),
    ("stock: 60", "stock: lots", "rewards/1/variants/0/stock", "int_type"),
    ("{code: blue", "{code: white", "rewards/1", "invalid"),
    ("voucher: {}", "voucher: {}\n    stock: 5", "rewards/3", "invalid"),
    ("voucher: {}", "voucher: {}\n    gift: {value: 3}", "rewards/3", "invalid"),
    ("voucher: {}", "vouchers: {}", "rewards/3/vouchers", "unknown_key"),
    ("voucher: {}", "points: {into: stars, gives: 3}", "rewards/3/points/into", "point_type_unknown"),
    ("voucher: {}", "points: {into: points, gives: 3}", "rewards/3/points/into", "same_points"),
    ("op: gte, value: 3, days: 90", "op: gte, value: 3", "rewards/4/audience/days", "days_invalid"),
    ("field: activity.orders", "field: order.total", "rewards/4/audience/field", "unknown_field"),
    ("starts_at: 2026-04-02T17:00:00Z", "starts_at: 2026-04-02", "rewards/4/slots/1/starts_at", "timestamp_invalid"),
    ("places: 12", "places: 12, ends_at: 2026-04-01T10:00:00Z", "rewards/4/slots/1/ends_at", "slot_ends_before_start"),
    ("code: tote", "code: mug", "rewards/2/code", "code_taken"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "place", "code"), ONE_FAULT)
def test_a_fault_is_told_with_its_line(right: str, wrong: str, place: str, code: str) -> None:
    text = SHELF.replace(right, wrong, 1)
    assert text != SHELF
    found = faults(text)
    assert (place, code) in [(where, what) for _, where, what in found]
    if place.count("/") > 1:
        assert line_of(SHELF, right) in [line for line, where, _ in found if where == place]
    assert not Program.objects.exists()


def test_a_ladder_with_a_fault_is_not_blamed_for_the_prices_of_its_tiers() -> None:
    for right, wrong in [("name: Silver", 'name: ""'), ("threshold: 300.50", "threshold: 100.0")]:
        assert all(place.startswith("tiers/") for _, place, _ in faults(SHELF.replace(right, wrong, 1)))


def test_a_price_for_a_tier_that_was_published_before_is_sound() -> None:
    apply(SHELF)
    apply(
        SHELF.replace("code: gold", "code: platinum").replace("tiers: [gold]", "tiers: [platinum, gold]"),
        at=LATER,
    )
    assert list(Price.objects.filter(reward__code="five-off").values_list("tiers", flat=True)) == [
        ["platinum", "gold"], [],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("right", "wrong", "place", "code"),
    [
        ("voucher: {}", "gift: {value: 3}", "rewards/3/gift", "unchangeable"),
        ("name: Cinema", "name: Cinema\n    status: draft", "rewards/3/status", "already_published"),
    ],
)
def test_what_cannot_change_any_more_is_refused(right: str, wrong: str, place: str, code: str) -> None:
    apply(SHELF)
    assert (place, code) in [(where, what) for _, where, what in faults(SHELF.replace(right, wrong, 1))]


def test_a_limit_that_is_not_said_any_more_is_lifted() -> None:
    apply(SHELF)
    apply(SHELF.replace("stock: 20", "low_stock_at: 2"), at=LATER)
    assert stock_of("tote").loaded is None


def test_variants_do_not_become_one_stock_again() -> None:
    apply(SHELF)
    one = "\n".join(
        line for line in SHELF.splitlines() if "name: White" not in line and "name: Blue" not in line
    )
    assert faults(one.replace("variants:", "stock: 100"))[0][1:] == ("rewards/1/stock", "stock_has_variants")


def test_a_reward_that_has_ended_keeps_its_terms_and_stays_ended() -> None:
    apply(SHELF)
    ended = SHELF.replace("name: Cinema", "name: Cinema\n    status: ended")
    apply(ended)
    assert apply(ended).changes == []
    assert [code for _, _, code in faults(SHELF)] == ["reward_ended"]
    assert [code for _, _, code in faults(ended.replace("points: 850", "points: 9"))] == ["reward_ended"]


def test_auto_redeem_counts_in_points_of_the_first_price() -> None:
    stars = SHELF.replace(
        "channels:", "  - {code: stars, name: {one: star, many: stars}, decimals: 2}\n\nchannels:", 1
    )
    text = stars.replace("{points: 450, tiers: [gold]}, {points: 500}", "{points: 12.50, point_type: stars}")
    text = text.replace("position: 10", "position: 10\n    auto_redeem: {at: 25.5, per_day: 2}")
    apply(text)
    found = reward("five-off")
    assert (found.auto_redeem_at, found.auto_redeem_per_day) == (2550, 2)
    assert "auto_redeem:\n      at: 25.5\n      per_day: 2" in export()
    assert apply(export()).changes == []


def rows() -> dict[str, list[Any]]:
    """Everything that a file can write of rewards, as it stands."""
    models = (Reward, Price, Stock, StockChange, Fact)
    made: dict[str, list[Any]] = {
        model.__name__: list(model.objects.order_by("pk").values_list()) for model in models
    }
    return made | {"history": list(Price.history.values_list())}
