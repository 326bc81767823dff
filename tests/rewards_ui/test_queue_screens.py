"""The fulfilment queue: tabs, many at once with preview and receipt, pick-up, print; and the settlement of partners."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from loyalty.base import clock
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from rewards import codes, fulfilment
from rewards.models import Redemption
from tests.rewards.shop import OLGA, available
from tests.rewards_ui import desk
from tests.rewards_ui.test_catalogue_screens import text_of
from tests.rewards_ui.test_redemption_screens import ASKS, state, taken

pytestmark = pytest.mark.django_db

QUEUE = "/console/rewards/queue/"
BULK = "/console/rewards/queue/bulk/"


@pytest.fixture
def olga() -> Client:
    return desk.olga()


@pytest.fixture
def mugs(points: PointType, ada: Member, ben: Member) -> list[Redemption]:
    """Three to be sent: two of Ada's, one of Ben's without an address."""
    mug = desk.a_reward(points, "product", name="Mug")
    rows = [taken(ada, mug), taken(ada, mug), taken(ben, mug)]
    Redemption.objects.filter(pk=rows[0].pk).update(due_at=clock.now() - timedelta(hours=5))
    return rows


def chosen(rows: list[Redemption], act: str, **more: str) -> dict[str, Any]:
    return {"pick": [str(row.pk) for row in rows], "act": act, "tab": "new", **more}


def sure(client: Client, rows: list[Redemption], act: str, **more: str) -> Any:
    return client.post(BULK, chosen(rows, act, sure="1", token=str(uuid4()), **more))


def test_the_preview_of_many_can_be_gone_back_to(mugs: list[Redemption], olga: Client) -> None:
    assert olga.post(BULK, chosen(mugs[:2], "sent"))["Location"] == BULK
    for _ in range(2):
        assert text_of(olga.get(BULK)).count("Tracking number of") == 2
    sure(olga, mugs[:2], "sent")
    assert "None of them can be done." in text_of(olga.get(BULK))


def test_who_may_only_look_at_the_queue_reads_whom_to_ask(mugs: list[Redemption]) -> None:
    page = text_of(desk.staff("vera", "view_redemption").get(QUEUE))
    assert "Mug" in page
    assert "Can change redemption" in page
    assert "choose" not in page


def test_without_a_choice_the_address_of_many_leads_to_the_queue(points: PointType, olga: Client) -> None:
    assert olga.get(BULK)["Location"].startswith(QUEUE)


def test_an_empty_queue_says_that_all_is_sent(points: PointType, olga: Client) -> None:
    assert "All sent" in text_of(olga.get(QUEUE))


def test_the_tabs_count_and_the_late_ones_come_first(mugs: list[Redemption], olga: Client) -> None:
    fulfilment.take_up(mugs[2], by="pau", at=clock.now())
    page = text_of(olga.get(QUEUE))
    assert re.search(r"New\s*<span class=\"lr-count\">2<", page)
    assert re.search(r"In progress\s*<span class=\"lr-count\">1<", page)
    assert "5 hours late" in page or "6 hours late" in page
    assert page.index(str(mugs[0].pk)) < page.index(str(mugs[1].pk))
    assert "pau" in text_of(olga.get(f"{QUEUE}?tab=in_progress"))
    assert "No problems" in text_of(olga.get(f"{QUEUE}?tab=problem"))
    assert olga.get(f"{QUEUE}?tab=nonsense&skip=-1").status_code == 200


def test_an_address_that_is_not_known_is_seen(points: PointType, ada: Member, olga: Client) -> None:
    row = taken(
        ada, desk.a_reward(points, "product", delivery_attributes=ASKS), details={"address": "Main street 1"}
    )
    assert "complete" in text_of(olga.get(QUEUE))
    fulfilment.set_problem(row, "The address is not complete", at=clock.now(), actor=OLGA)
    assert "lr-badge-good" not in text_of(olga.get(f"{QUEUE}?tab=problem"))
    fulfilment.set_problem(row, "", at=clock.now(), actor=OLGA)
    row.delivery.delete()
    page = text_of(olga.get(QUEUE))
    assert "not known: Address" in page
    preview = text_of(olga.post(BULK, chosen([row], "sent"), follow=True))
    assert "Not known: Address" in preview
    assert "None of them can be done" in preview


def test_many_are_sent_with_preview_tracking_and_receipt(mugs: list[Redemption], olga: Client) -> None:
    fulfilment.take_up(mugs[1], by="pau", at=clock.now())
    preview = olga.post(BULK, chosen(mugs, "sent"), follow=True)
    page = text_of(preview)
    assert "pau is working on it just now" in page
    assert f'name="tracking-{mugs[0].pk}"' in page
    assert [state(row)[1] for row in mugs] == ["ordered"] * 3
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token is not None
    sent = chosen(mugs, "sent", sure="1", token=token[1], carrier="DHL", **{f"tracking-{mugs[0].pk}": "0034"})
    first, second = olga.post(BULK, sent), olga.post(BULK, sent)
    assert first["Location"] == second["Location"]
    assert [state(row)[1] for row in mugs] == ["sent", "ordered", "sent"]
    receipt = text_of(olga.get(first["Location"]))
    for told in ("Done: 2", "0034", "Left out", "pau is working on it just now"):
        assert told in receipt
    assert "0034" in text_of(olga.get(f"{QUEUE}?tab=sent"))
    assert sure(olga, [mugs[0]], "delivered").status_code == 302
    assert state(mugs[0]) == ("fulfilled", "delivered")
    assert desk.olga_again().get(first["Location"]).status_code == 302


def test_many_are_cancelled_with_points_back_and_a_reason(
    mugs: list[Redemption], ada: Member, olga: Client
) -> None:
    preview = text_of(olga.post(BULK, chosen(mugs[:2], "cancel"), follow=True))
    assert "200 points go back" in preview
    assert "Cancel 2 and give the points back" in preview
    without = sure(olga, mugs[:2], "cancel")
    assert without.status_code == 422
    assert '<span class="lr-fault" id="id_reason_error">Say why' in text_of(without)
    assert 'aria-describedby="id_reason_help id_reason_error" aria-invalid="true"' in text_of(without)
    assert sure(olga, mugs[:2], "cancel", reason="Out of clay").status_code == 302
    assert [state(row)[0] for row in mugs] == ["cancelled", "cancelled", "confirmed"]
    assert available(ada, clock.now()) == 1000


def test_the_address_of_many_at_once_alone_leads_to_the_queue(olga: Client, points: PointType) -> None:
    assert olga.get(BULK)["Location"].startswith(QUEUE)


def test_nonsense_and_another_programs_rows_are_left_out(mugs: list[Redemption], olga: Client) -> None:
    for picks, act in (([], "sent"), (["x", str(uuid4())], "sent"), ([str(mugs[0].pk)], "explode")):
        assert olga.post(BULK, {"pick": picks, "act": act}).status_code == 302
    theirs = desk.a_point_type(desk.a_program("third"))
    olga.post("/console/switch/", {"program": theirs.program.code})
    assert sure(olga, mugs, "sent").status_code == 302
    assert "Mug" not in text_of(olga.get(f"{QUEUE}print/?pick={mugs[0].pk}"))
    assert [state(row)[1] for row in mugs] == ["ordered"] * 3


def test_rows_are_taken_up_together(mugs: list[Redemption], olga: Client) -> None:
    fulfilment.take_up(mugs[0], by="pau", at=clock.now())
    olga.post(BULK, chosen(mugs, "take"))
    page = text_of(olga.get(f"{QUEUE}?tab=in_progress"))
    assert "2 are yours for 15 minutes. 1 was left out." in page
    assert page.count("Yours") >= 2


def test_the_packing_list_holds_where_things_go(points: PointType, ada: Member, olga: Client) -> None:
    row = taken(
        ada, desk.a_reward(points, "product", delivery_attributes=ASKS), details={"address": "Main street 1"}
    )
    page = text_of(olga.get(f"{QUEUE}print/?pick={row.pk}&pick=x"))
    for told in ("Main street 1", "MUG", "Ada"):
        assert told in page
    assert "Nothing was chosen" in text_of(olga.get(f"{QUEUE}print/"))


def test_a_scanned_code_is_handed_over_once(points: PointType, ada: Member, olga: Client) -> None:
    row = taken(ada, desk.a_reward(points, "product", delivery="pick_up"))
    assert row.code is not None
    whole = codes.reveal(row.code)
    answer = text_of(olga.get("/console/rewards/pickup/", {"code": whole.lower()}, headers=desk.HTMX))
    assert "<html" not in answer
    assert "Hand over now" in answer
    assert "Ada" in answer
    token = re.search(r'name="token" value="([^"]+)"', answer)
    assert token is not None
    sent = {"token": token[1], "back": "pickup"}
    for _ in range(2):
        done = olga.post(f"/console/rewards/redemptions/{row.pk}/picked_up/", sent)
        assert done["Location"] == "/console/rewards/pickup/"
    assert state(row) == ("fulfilled", "picked_up")
    again = text_of(olga.get("/console/rewards/pickup/", {"code": whole}))
    assert "cannot be handed over or used now" in again
    for nonsense in ("nothing", "\x00", "x" * 300, "<b>"):
        page = text_of(olga.get("/console/rewards/pickup/", {"code": nonsense}))
        assert "<b>" not in page


def test_partners_are_settled_month_by_month(points: PointType, ada: Member, olga: Client) -> None:
    lounge = desk.a_reward(points, "partner", name="Lounge")
    row = taken(ada, lounge)
    taken(ada, lounge)
    page = text_of(olga.get("/console/rewards/settlement/"))
    for told in ("Air", "3.00 EUR", str(row.pk), "not over yet"):
        assert told in page
    file = olga.get("/console/rewards/settlement/?format=csv&partner=air")
    assert file["Content-Type"].startswith("text/csv")
    assert "attachment" in file["Content-Disposition"]
    lines = text_of(file).splitlines()
    assert lines[0] == "redemption,reward,at,count,unit_cost,amount,currency"
    assert len(lines) == 3
    assert "Nothing to settle" in text_of(olga.get("/console/rewards/settlement/?month=2020-01"))
    for nonsense in ("?month=9999-99", "?month=0000-00", "?month=x", "?partner=%00", "?month=1950-01"):
        assert olga.get(f"/console/rewards/settlement/{nonsense}").status_code == 200


def test_the_navigation_counts_only_what_waits(mugs: list[Redemption], olga: Client) -> None:
    assert '<span class="lr-count lr-nav-count">3</span>' in text_of(olga.get("/admin/"))
    for row in mugs:
        fulfilment.advance(row, "sent", at=clock.now(), actor=OLGA)
    page = text_of(olga.get("/admin/"))
    assert "lr-nav-count" not in page
    assert "badge.to_fulfil" not in page
