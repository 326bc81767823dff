"""A reward is made, changed and shown only in ways that somebody can account for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from loyalty.base.errors import Conflict, Invalid
from loyalty.outbox.models import Fact
from loyalty.programs.models import PointType
from rewards import catalogue, stock
from rewards.errors import BelowIssued, PoolStock, StaleReward, WrongStatus
from rewards.models import KINDS, Price, Reward, Stock, StockChange
from tests.rewards.shop import DAY, HOUR, NOON, OF_KIND, a_draft, a_point_type, a_program, a_reward, stock_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "points"])
def test_every_kind_can_be_made_and_published(points: PointType, kind: str) -> None:
    reward = a_reward(points, kind)
    assert reward.status == "live"
    assert reward.kind == kind
    assert type(Reward.objects.get(pk=reward.pk)) is KINDS[kind]


def test_points_of_another_type_can_be_a_reward(points: PointType) -> None:
    stars = a_point_type(points.program, "stars")
    assert a_reward(points, "points", into=stars, gives=10).status == "live"
    draft = a_draft(points, "points", code="same", into=points, gives=10)
    with pytest.raises(Invalid) as refused:
        catalogue.publish(draft, by="olga", at=NOON)
    assert [fault.code for fault in refused.value.errors] == ["same_points"]


def test_a_draft_may_be_incomplete_but_does_not_go_live(points: PointType) -> None:
    draft = a_draft(points, "donation", prices=[], name="Trees", beneficiary="Trees", value=Decimal(0))
    with pytest.raises(Invalid) as refused:
        catalogue.publish(draft, by="olga", at=NOON)
    assert refused.value.code == "reward_not_ready"
    assert {fault.path for fault in refused.value.errors} == {"prices", "value"}
    assert Reward.objects.get().status == "draft"


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"starts_at": NOON, "ends_at": NOON}, "ends_at"),
        ({"weekdays": ["someday"]}, "weekdays"),
        ({"hours": [["9", "10:00"]]}, "hours/0"),
        ({"caps": [{"times": 0, "per": "month"}]}, "caps/0"),
        ({"caps": [{"times": 1, "per": "month"}, {"times": 2, "per": "month"}]}, "caps/1"),
        ({"audience": {"field": "order.total", "op": "gt", "value": 1}}, "audience/field"),
        ({"off": "percent", "value": Decimal(101)}, "value"),
        ({"auto_redeem_at": 100, "prices": []}, "prices"),
    ],
)
def test_each_fault_names_its_place(points: PointType, changes: dict[str, Any], path: str) -> None:
    assert path in [fault.path for fault in catalogue.faults(a_draft(points, **changes))]


MONEY = [
    ("JPY", "discount", {"value": "0.3"}, "value"),
    ("JPY", "discount", {"minimum_order": "99.99"}, "minimum_order"),
    ("JPY", "gift", {"value": "0.4"}, "value"),
    ("JPY", "donation", {"value": "100.5"}, "value"),
    ("JPY", "partner", {"unit_cost": "1.5"}, "unit_cost"),
    ("KWD", "gift", {"value": "1.2344"}, "value"),
    ("EUR", "product", {"unit_cost": "0.005"}, "unit_cost"),
]


@pytest.mark.parametrize(("currency", "kind", "amounts", "path"), MONEY)
def test_money_has_no_more_decimals_than_its_currency(
    currency: str, kind: str, amounts: dict[str, str], path: str
) -> None:
    points = a_point_type(a_program(currency=currency))
    money: dict[str, Any] = {name: Decimal(amount) for name, amount in amounts.items()}
    draft = a_draft(points, kind, **{"unit_cost": None} | money)
    assert [(one.path, one.code) for one in catalogue.faults(draft)] == [(path, "money_decimals")]
    with pytest.raises(Invalid):
        catalogue.publish(draft, by="olga", at=NOON)


def test_money_in_whole_units_and_percentages_are_sound() -> None:
    yen = a_point_type(a_program(currency="JPY"))
    a_reward(yen, "gift", value=Decimal("500.0000"))
    a_reward(yen, off="percent", value=Decimal("12.5"), minimum_order=Decimal(1000))
    dinar = a_point_type(a_program("souk", currency="KWD"))
    a_reward(dinar, "gift", value=Decimal("1.234"))


def test_a_live_reward_keeps_to_the_decimals_of_its_currency(points: PointType) -> None:
    gift = a_reward(points, "gift")
    with pytest.raises(Invalid) as refused:
        catalogue.save(gift, {"value": Decimal("9.999")}, revision=gift.revision, by="olga", at=NOON)
    assert [(one.path, one.code) for one in refused.value.errors] == [("value", "money_decimals")]


def test_prices_of_another_program_are_no_prices(points: PointType) -> None:
    other = a_point_type(a_program("bar"))
    draft = a_draft(points, prices=[{"point_type": other, "points": 1}])
    assert [fault.code for fault in catalogue.faults(draft)] == ["point_type_unknown"]


def test_a_code_is_taken_once_in_a_program(points: PointType) -> None:
    a_draft(points)
    with pytest.raises(Conflict) as refused:
        a_draft(points)
    assert refused.value.code == "code_taken"
    assert Reward.objects.count() == 1


def test_who_saves_what_he_did_not_see_is_told_what_changed(points: PointType) -> None:
    reward = a_reward(points)
    prices = [{"point_type": points, "points": 150}]
    catalogue.save(
        reward, {"name": "Five off", "prices": prices}, revision=reward.revision, by="olga", at=NOON + HOUR
    )
    with pytest.raises(StaleReward) as refused:
        catalogue.save(reward, {"name": "5 off"}, revision=reward.revision, by="paul", at=NOON + 2 * HOUR)
    told = {change["field"]: (change["before"], change["after"]) for change in refused.value.extra["changes"]}  # type: ignore[attr-defined]
    assert told["name"] == ("Discount", "Five off")
    assert [price["points"] for price in told["prices"][1]] == [150]
    assert [price["points"] for price in told["prices"][0]] == [100]
    assert refused.value.extra["by"] == "olga"


def test_a_live_reward_never_becomes_incomplete(points: PointType) -> None:
    reward = a_reward(points)
    with pytest.raises(Invalid) as refused:
        catalogue.save(reward, {"prices": []}, revision=reward.revision, by="olga", at=NOON)
    assert refused.value.code == "reward_not_ready"
    assert Price.objects.filter(reward=reward).count() == 1


def test_prices_keep_their_rows_and_their_history(points: PointType) -> None:
    reward = a_draft(points, prices=[{"point_type": points, "points": n} for n in (1, 2, 3)])
    first = reward.prices.first()
    changed = [{"point_type": points, "points": 1}, {"point_type": points, "points": 5}]
    catalogue.save(reward, {"prices": changed}, revision=1, by="olga", at=NOON + HOUR)
    assert [price.points for price in reward.prices.all()] == [1, 5]
    assert reward.prices.first() == first
    kinds = Price.history.filter(reward_id=reward.pk).order_by("history_id")
    assert "".join(kinds.values_list("history_type", flat=True)) == "+++~-"


def test_the_stages_follow_each_other(points: PointType) -> None:
    reward = a_draft(points)
    for act in (catalogue.pause, catalogue.resume, catalogue.end):
        with pytest.raises(WrongStatus):
            act(reward, by="olga", at=NOON)
    reward = catalogue.publish(reward, by="olga", at=NOON)
    reward = catalogue.pause(reward, by="olga", at=NOON)
    reward = catalogue.resume(reward, by="olga", at=NOON)
    reward = catalogue.end(reward, by="olga", at=NOON)
    assert reward.status == "ended"
    facts = list(Fact.objects.order_by("id").values_list("type", flat=True))
    stages = [f"reward.{stage}" for stage in ("published", "paused", "resumed", "ended")]
    assert [kind for kind in facts if kind != "reward.stock_changed"] == stages


# --- stock --------------------------------------------------------------------------------------------------


def test_stock_is_set_and_added_to_by_somebody_at_a_time(points: PointType) -> None:
    own = stock_of(a_reward(points, loaded=10))
    stock.add(own, 5, by="olga", at=NOON + HOUR, note="delivery")
    stock.set_loaded(own, 12, by="paul", at=NOON + DAY)
    changes = StockChange.objects.order_by("id").values_list("before", "after", "reason", "by")
    assert list(changes) == [(None, 10, "set", "olga"), (10, 15, "added", "olga"), (15, 12, "set", "paul")]
    assert stock_of(own.reward).left == 12


def test_stock_cannot_be_lowered_below_what_is_taken(points: PointType) -> None:
    own = stock_of(a_reward(points, loaded=10))
    Stock.objects.filter(pk=own.pk).update(reserved=2, used=5)
    with pytest.raises(BelowIssued) as refused:
        stock.set_loaded(own, 6, by="olga", at=NOON)
    assert refused.value.extra == {"asked": 6, "issued": 7, "reserved": 2, "used": 5}
    assert stock.set_loaded(own, 7, by="olga", at=NOON).left == 0
    assert stock.set_loaded(own, None, by="olga", at=NOON).left is None


def test_a_pool_is_filled_with_codes_alone(points: PointType) -> None:
    with pytest.raises(PoolStock):
        stock.set_loaded(stock_of(a_reward(points, "voucher")), 5, by="olga", at=NOON)


def test_with_variants_the_reward_as_such_is_not_taken(points: PointType) -> None:
    reward = a_reward(points, "product", loaded=3)
    stock.make(reward, "red", name="Red", loaded=2, by="olga", at=NOON)
    assert [one.code for one in Stock.objects.filter(reward=reward, is_open=True)] == ["red"]
    with pytest.raises(Conflict):
        stock.make(reward, "red", name="Red", loaded=2, by="olga", at=NOON)


def test_every_kind_is_known_to_the_tests() -> None:
    assert set(OF_KIND) == set(KINDS)
