"""What the till and the app show: what can be had now, and what is nearly in reach."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.ledger import ledger
from loyalty.ledger.models import Transaction
from loyalty.members.models import Member
from loyalty.programs.models import PointType, Program
from rewards import catalogue, offers, pictures, redemption, shelf
from rewards.models import Reward, Stock
from rewards.pictures import Small
from tests.rewards.shop import DAY, NOON, TILL, a_draft, a_member, a_reward, available
from tiers import drafts, versions

pytestmark = pytest.mark.django_db

MEMBER = {"code": "member", "name": "Member", "threshold": 0}


def test_offers_are_what_can_be_had_and_what_is_nearly_in_reach(points: PointType, ada: Member) -> None:
    a_reward(points, code="now", cost=100, position=1)
    a_reward(points, code="near", cost=2000, position=2)
    a_reward(points, code="far", cost=2001, position=3)
    a_reward(points, code="soon", starts_at=NOON + 14 * DAY, position=4)
    a_reward(points, code="later", starts_at=NOON + 15 * DAY, position=5)
    a_reward(points, code="gone", loaded=0, position=6)
    a_draft(points, code="draft")
    catalogue.end(a_reward(points, code="ended"), by="olga", at=NOON)
    found = {offer.reward.code: offer.state for offer in offers.available(ada, NOON)}
    assert found == {"now": "available", "near": "near", "soon": "near"}
    assert [offer.reward.code for offer in offers.every(ada, NOON)] == [
        "now", "near", "far", "soon", "later", "gone",
    ]  # fmt: skip


def test_a_price_and_the_factor_of_the_tier_show_in_the_offer(points: PointType) -> None:
    a_reward(
        points,
        prices=[
            {"point_type": points, "points": 80, "tiers": ["gold"]},
            {"point_type": points, "points": 100},
        ],
    )
    gold = a_member(points, 90, "Gold", tier_code="gold")
    plain = a_member(points, 90, "Plain")
    [offer] = offers.every(gold, NOON)
    assert (offer.state, offer.verdict.costs[0].points) == ("available", 80)
    [offer] = offers.every(plain, NOON)
    assert (offer.state, offer.verdict.costs[0].missing) == ("near", 10)


def test_a_change_of_the_catalogue_shows_at_once(points: PointType, ada: Member) -> None:
    reward = a_reward(points)
    assert offers.every(ada, NOON)[0].verdict.costs[0].points == 100
    prices = [{"point_type": points, "points": 70}]
    reward = catalogue.save(reward, {"prices": prices}, revision=reward.revision, by="olga", at=NOON)
    assert offers.every(ada, NOON)[0].verdict.costs[0].points == 70
    catalogue.pause(reward, by="olga", at=NOON)
    assert offers.every(ada, NOON)[0].state == "out"


def test_stock_is_read_each_time(points: PointType, ada: Member) -> None:
    reward = a_reward(points, loaded=1)
    assert offers.every(ada, NOON)[0].options[0].left == 1
    Stock.objects.filter(reward=reward).update(used=1)
    assert [reason.code for reason in offers.every(ada, NOON)[0].verdict.reasons] == ["sold_out"]


def test_slots_that_have_begun_are_not_offered(points: PointType, ada: Member) -> None:
    a_reward(points, "experience")
    [offer] = offers.every(ada, NOON)
    assert [option.code for option in offer.options] == ["friday"]
    [offer] = offers.every(ada, NOON + 3 * DAY)
    assert (offer.options, offer.verdict.reasons[0].code) == ([], "ended")


def test_any_number_of_rewards_costs_the_same_few_queries(points: PointType, ada: Member) -> None:
    spender = {"field": "activity.spend", "op": "gte", "value": "50", "days": 30}
    counts = []
    for number in range(20):
        a_reward(
            points, code=f"reward-{number}", caps=[{"times": 1, "per": "day"}], audience={"not": spender}
        )
        if number in (0, 19):
            offers.every(ada, NOON)
            with CaptureQueriesContext(connection) as said:
                assert len(offers.available(ada, NOON)) == number + 1
            counts.append(len(said))
    # The catalogue, the balances, what was bought lately, the stock, what was had before.
    assert counts == [5, 5]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "change",
    [
        lambda reward: catalogue.save(
            reward, {"prices": cheaper()}, revision=reward.revision, by="olga", at=NOON
        ),
        lambda reward: Reward.objects.filter(pk=reward.pk).update(status="paused"),
        lambda reward: PointType.objects.update(name_many="beans"),
        lambda reward: Program.objects.update(timezone="Asia/Tokyo"),
        lambda reward: pictures.put(reward, Small("x", b"", 1, 1), by="olga", at=NOON),
        lambda reward: pictures.remove(reward, by="olga", at=NOON),
        lambda reward: versions.publish(
            drafts.create(reward.program, {"code": "club", "name": "Club"}, [MEMBER], by="olga", at=NOON),
            by="olga",
            at=NOON,
        ),
    ],
)
def test_whatever_is_written_to_the_catalogue_makes_it_read_again(
    points: PointType, change: Callable[[Reward], object]
) -> None:
    reward = a_reward(points)
    before = shelf.of_program(points.program_id)
    assert shelf.of_program(points.program_id) is before
    change(reward)
    assert shelf.of_program(points.program_id) is not before


def cheaper() -> list[dict[str, object]]:
    return [{"point_type": PointType.objects.get(), "points": 70}]


def test_a_debt_does_not_stand_against_what_is_free(points: PointType, ada: Member) -> None:
    a_reward(points, cost=0)
    PointType.objects.update(debt_policy="unlimited")
    order = Transaction.objects.get(member=ada, kind="earn")
    points.refresh_from_db()
    paid = a_reward(points, code="paid", cost=1000)
    redemption.redeem(ada, paid, at=NOON, actor=TILL)
    ledger.reverse_transaction(order, at=NOON, actor=TILL)
    assert available(ada) == -1000
    assert {one.reward.code: one.state for one in offers.every(ada, NOON)} == {
        "discount": "available", "paid": "out",
    }  # fmt: skip
    assert [one.reward.code for one in offers.available(ada, NOON)] == ["discount"]


def test_one_offer_is_judged_as_in_the_list(points: PointType, ada: Member) -> None:
    reward = a_reward(points, cost=2000)
    one = offers.of_one(ada, reward, NOON)
    assert one is not None
    assert one.verdict == offers.every(ada, NOON)[0].verdict
    assert offers.of_one(ada, a_draft(points, code="draft"), NOON) is None
