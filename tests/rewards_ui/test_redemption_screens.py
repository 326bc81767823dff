"""Redemptions on screen: their page, each act once with before and after, codes, the member's panel, giving one."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from loyalty.base import clock, jobs
from loyalty.ledger.acts import Actor
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from rewards import catalogue, codes, redemption, stock, vouchers
from rewards.claiming import Wish
from rewards.models import Code, Redemption, RedemptionStep, Reward
from rewards.screens import acts
from tests.rewards.shop import a_member, available, stock_of
from tests.rewards_ui import desk
from tests.rewards_ui.test_catalogue_screens import HOSTILE, text_of

pytestmark = pytest.mark.django_db
TILL = Actor("channel", "till-1")
ASKS = [{"code": "address", "label": "Address", "required": True}]


@pytest.fixture
def olga() -> Client:
    return desk.olga()


def taken(member: Member, reward: Reward, **wish: Any) -> Redemption:
    return redemption.redeem(member, reward, Wish(**wish), at=clock.now(), actor=TILL)


def path(row: Redemption, act: str = "") -> str:
    return f"/console/rewards/redemptions/{row.pk}/" + (f"{act}/" if act else "")


def send(client: Client, row: Redemption, act: str, **more: str) -> Any:
    return client.post(path(row, act), {"token": str(uuid4()), **more})


def state(row: Redemption) -> tuple[str, str]:
    row.refresh_from_db()
    return row.state, row.step


def test_the_page_tells_everything_and_hides_the_code(points: PointType, ada: Member, olga: Client) -> None:
    row = taken(ada, desk.a_reward(points, valid_days=30, loaded=5), reference="order 77")
    assert row.code is not None
    whole = codes.reveal(row.code)
    page = text_of(olga.get(path(row)))
    for told in ("100 points", "Ada", "Confirmed", "till-1", "order 77", f"••••{whole[-4:]}", "Mark as used"):
        assert told in page
    assert whole not in page


def test_only_what_has_to_be_told_and_was_not_is_marked(points: PointType, ada: Member, olga: Client) -> None:
    asks = [*ASKS, {"code": "note", "label": "Note for the courier", "required": False}]
    row = taken(
        ada, desk.a_reward(points, "product", delivery_attributes=asks), details={"address": "Main street 1"}
    )
    assert "<dt>Note for the courier</dt><dd>–</dd>" in text_of(olga.get(path(row)))
    row.delivery.delete()
    assert text_of(olga.get(path(row))).count("not known") == 1


def test_a_redemption_belongs_to_fulfilment_in_the_menu(points: PointType, ada: Member, olga: Client) -> None:
    row = taken(ada, desk.a_reward(points, "product"))
    items = olga.get(path(row)).context["sidebar_navigation"][0]["items"]
    active = {str(item["title"]) for item in items if item.get("active")}
    assert active == {"Fulfilment"}


def test_showing_a_code_needs_a_permission_and_is_noted(points: PointType, ada: Member) -> None:
    row = taken(ada, desk.a_reward(points))
    assert row.code is not None
    whole = codes.reveal(row.code)
    pau = desk.pau()
    assert "Can view code" in text_of(pau.get(path(row)))
    assert pau.post(path(row, "reveal")).status_code == 403
    User.objects.get(username="pau").user_permissions.add(Permission.objects.get(codename="view_code"))
    assert pau.get(path(row, "reveal")).status_code == 405
    shown = text_of(pau.post(path(row, "reveal"), headers=desk.HTMX))
    assert whole in shown
    assert "<html" not in shown
    step = RedemptionStep.objects.get(redemption=row, kind="revealed")
    assert (step.actor_kind, step.actor) == ("staff", "pau")
    assert "Code shown to staff" in text_of(pau.get(path(row)))


def test_cancelling_shows_before_and_after_and_happens_once(
    points: PointType, ada: Member, olga: Client
) -> None:
    reward = desk.a_reward(points, loaded=5)
    row = taken(ada, reward)
    page = text_of(olga.get(path(row, "cancel")))
    for told in ("900 points", "1,000 points", "revoked", "Cancel it and give the points back"):
        assert told in page
    assert olga.post(path(row, "cancel"), {"token": str(uuid4())}).status_code == 422
    sent = {"token": str(uuid4()), "reason": "Wrong one"}
    assert olga.post(path(row, "cancel"), sent).status_code == 302
    assert olga.post(path(row, "cancel"), sent).status_code == 302
    assert state(row) == ("cancelled", "")
    assert available(ada, clock.now()) == 1000
    assert stock_of(reward).left == 5
    page = text_of(olga.get(path(row)))
    assert "Wrong one" in page
    assert "100 points are back" in page
    assert RedemptionStep.objects.filter(redemption=row, kind="cancelled").count() == 1
    assert "This cannot be done now" in text_of(olga.get(path(row, "use")))


def test_a_reservation_is_confirmed_with_what_is_still_missing(
    points: PointType, ada: Member, olga: Client
) -> None:
    mug = desk.a_reward(points, "product", delivery_attributes=ASKS)
    row = redemption.reserve(ada, mug, at=clock.now(), actor=TILL)
    assert "Reserved until" in text_of(olga.get(path(row)))
    assert send(olga, row, "confirm").status_code == 422
    assert send(olga, row, "confirm", **{"details-address": "Main street 1"}).status_code == 302
    assert state(row) == ("confirmed", "ordered")
    assert "Main street 1" in text_of(olga.get(path(row)))


def test_goods_go_their_way_step_by_step(points: PointType, ada: Member, olga: Client) -> None:
    row = taken(ada, desk.a_reward(points, "product"))
    assert send(olga, row, "problem", problem="Mug is broken").status_code == 302
    assert "Mug is broken" in text_of(olga.get(path(row)))
    assert send(olga, row, "solved").status_code == 302
    assert send(olga, row, "sent", carrier="DHL", tracking="0034").status_code == 302
    assert state(row) == ("confirmed", "sent")
    page = text_of(olga.get(path(row)))
    assert "0034" in page
    assert path(row, "refund") in page
    assert path(row, "cancel") not in page
    assert send(olga, row, "delivered").status_code == 302
    assert state(row) == ("fulfilled", "delivered")
    assert send(olga, row, "refund", reason="Lost", restock="on").status_code == 302
    assert state(row)[0] == "refunded"
    assert available(ada, clock.now()) == 1000


@pytest.mark.parametrize("kind", ["donation", "partner", "points"])
def test_what_was_done_at_once_is_refunded_on_screen(
    points: PointType, ada: Member, olga: Client, kind: str
) -> None:
    into = {"into": desk.a_point_type(points.program, "stars"), "gives": 7} if kind == "points" else {}
    row = taken(ada, desk.a_reward(points, kind, **into))
    page = text_of(olga.get(path(row)))
    assert path(row, "refund") in page
    assert path(row, "cancel") not in page
    assert send(olga, row, "refund", reason="Wrong one").status_code == 302
    assert state(row)[0] == "refunded"
    assert available(ada, clock.now()) == 1000


def test_where_it_goes_is_put_right_before_it_is_sent(points: PointType, ada: Member, olga: Client) -> None:
    row = taken(
        ada, desk.a_reward(points, "product", delivery_attributes=ASKS), details={"address": "Old street 1"}
    )
    page = text_of(olga.get(path(row, "details")))
    assert "Old street 1" in page
    assert send(olga, row, "details", **{"details-address": " "}).status_code == 422
    assert send(olga, row, "details", **{"details-address": "New street 2"}).status_code == 302
    page = text_of(olga.get(path(row)))
    assert "New street 2" in page
    assert "Delivery details changed" in page
    assert "street" not in str(list(RedemptionStep.objects.values_list("note", "data")))
    send(olga, row, "sent")
    refused = send(olga, row, "details", **{"details-address": "Third street 3"})
    assert refused.status_code == 422
    assert "New street 2" in text_of(olga.get(path(row)))


def test_a_gift_is_used_in_parts(points: PointType, ada: Member, olga: Client) -> None:
    row = taken(ada, desk.a_reward(points, "gift"))
    assert send(olga, row, "use", amount="5.50", reference="bill 9").status_code == 302
    assert "14.50 EUR of 20.00 EUR left" in text_of(olga.get(path(row)))
    over = send(olga, row, "use", amount="15")
    assert over.status_code == 422
    assert "less left on it" in text_of(over)
    for nonsense in ("0", "-1", "x", "NaN"):
        assert send(olga, row, "use", amount=nonsense).status_code == 422
    assert "72 points" in text_of(olga.get(path(row, "refund")))
    assert send(olga, row, "use").status_code == 302
    assert state(row)[0] == "fulfilled"
    row.refresh_from_db()
    assert row.remaining == Decimal(0)


def test_of_a_gift_that_is_used_up_staff_say_how_many_points_come_back(
    points: PointType, ada: Member, olga: Client
) -> None:
    row = redemption.use(taken(ada, desk.a_reward(points, "gift")), at=clock.now(), actor=TILL)
    page = text_of(olga.get(path(row, "refund")))
    assert "Points to give back" in page
    assert "as many as you say" in page
    untold = send(olga, row, "refund", reason="Lost")
    assert untold.status_code == 422
    assert "Nothing is left on it." in text_of(untold)
    for nonsense in ("0", "-1", "101", "1.5", "x"):
        assert send(olga, row, "refund", reason="Lost", points=nonsense).status_code == 422
    assert send(olga, row, "refund", reason="Lost", points="40").status_code == 302
    assert state(row)[0] == "refunded"
    assert available(ada, clock.now()) == 940


def test_another_code_revokes_the_first_also_out_of_a_pool(
    points: PointType, ada: Member, olga: Client
) -> None:
    own = taken(ada, desk.a_reward(points))
    assert own.code is not None
    old = own.code
    assert send(olga, own, "new-code", reason="Unreadable").status_code == 302
    own.refresh_from_db()
    old.refresh_from_db()
    assert own.code is not None
    assert (old.state, own.code.state, own.code_id != old.pk) == ("revoked", "issued", True)
    pool = desk.a_draft(points, "voucher")
    pool_of(pool, "AAAA-1\nBBBB-2\n")
    row = taken(ada, _published(pool))
    assert stock_of(pool).left == 1
    assert send(olga, row, "new-code", reason="Expired at the cinema").status_code == 302
    assert (stock_of(pool).left, stock_of(pool).loaded, stock_of(pool).used) == (0, 1, 1)
    gone = send(olga, row, "new-code", reason="Again")
    assert gone.status_code == 422
    assert "sold out" in text_of(gone)
    assert Code.objects.get(redemption=row).state == "issued"


def pool_of(reward: Reward, text: str) -> None:
    job = vouchers.start(reward, text.encode(), name="", by="olga", at=clock.now())
    claimed = jobs.claim_row(job, at=clock.now())
    assert claimed is not None
    vouchers.upload(claimed)


def _published(reward: Reward) -> Reward:
    return catalogue.publish(reward, by="olga", at=clock.now())


def test_a_lock_is_seen_and_kept_by_others(points: PointType, ada: Member, olga: Client) -> None:
    row = taken(ada, desk.a_reward(points, "product"))
    assert olga.post(path(row, "lock"), {"act": "take"}).status_code == 302
    assert "Yours now" in text_of(olga.get(path(row)))
    pau = desk.pau()
    assert "olga works on it" in text_of(pau.get(path(row)))
    refused = send(pau, row, "sent")
    assert refused.status_code == 422
    assert "olga is working on it just now" in text_of(refused)
    assert state(row) == ("confirmed", "ordered")
    olga.post(path(row, "lock"), {"act": "let-go"})
    assert send(pau, row, "sent").status_code == 302


def test_every_act_has_a_page_that_says_what_it_does(points: PointType, ada: Member, olga: Client) -> None:
    row = taken(ada, desk.a_reward(points, "product", delivery="pick_up"))
    for act in acts.ACTS:
        assert olga.get(path(row, act)).status_code == 200
    assert olga.get(path(row, "explode")).status_code == 404


def test_hostile_names_and_reasons_stay_text(points: PointType, olga: Client) -> None:
    eve = a_member(points, 1000, name=HOSTILE)
    row = taken(
        eve,
        desk.a_reward(points, "product", name=HOSTILE, delivery_attributes=ASKS),
        details={"address": HOSTILE},
    )
    send(olga, row, "problem", problem=HOSTILE)
    listed = [
        "/console/rewards/queue/?tab=problem",
        path(row),
        path(row, "sent"),
        f"/console/rewards/members/{eve.pk}/",
    ]
    for page in (
        *listed,
        f"/console/rewards/queue/print/?pick={row.pk}",
        f"/console/rewards/pickup/?code={row.pk}",
    ):
        text = text_of(olga.get(page))
        assert HOSTILE not in text
        assert "&lt;script&gt;" in text


def test_another_programs_redemption_is_not_there(points: PointType, olga: Client) -> None:
    theirs = desk.other_points()
    row = taken(a_member(theirs, 1000), desk.a_reward(theirs, "product"))
    olga.post("/console/switch/", {"program": points.program.code})
    for act in ("", "cancel", "sent"):
        assert olga.get(path(row, act)).status_code == 404
    assert send(olga, row, "sent").status_code == 404
    assert olga.post(path(row, "reveal")).status_code == 404
    assert olga.post(path(row, "lock")).status_code == 404
    assert olga.get(f"/console/rewards/members/{row.member_id}/").status_code == 404
    assert olga.get(f"/console/rewards/members/{row.member_id}/give/").status_code == 404
    page = text_of(olga.get(f"/console/rewards/pickup/?code={row.pk}"))
    assert "Nothing has the code" in page


def test_the_search_box_finds_a_redemption_by_id_and_by_code(
    points: PointType, ada: Member, olga: Client
) -> None:
    row = taken(ada, desk.a_reward(points))
    assert row.code is not None
    whole = codes.reveal(row.code)
    for term in (str(row.pk), whole, whole.lower().replace("-", "")):
        answer = olga.get("/console/members/", {"q": term})
        assert (answer.status_code, answer["Location"]) == (302, path(row))


def test_the_panel_of_the_member_page_lists_and_gives(points: PointType, ada: Member, olga: Client) -> None:
    panel = f"/console/rewards/members/{ada.pk}/"
    assert "Has not taken any yet" in text_of(olga.get(panel, headers=desk.HTMX))
    five = desk.a_reward(points, name="Five off")
    row = taken(ada, five)
    shown = text_of(olga.get(panel, headers=desk.HTMX))
    assert "Five off" in shown
    assert "<html" not in shown
    assert path(row) in text_of(olga.get(panel))
    assert panel in text_of(olga.get(f"/console/members/{ada.pk}/"))


def test_giving_a_reward_says_who_can_have_what_and_books_once(
    points: PointType, ada: Member, olga: Client
) -> None:
    mug = desk.a_reward(points, "product", name="Mug", cost=400, delivery_attributes=ASKS)
    dear = desk.a_reward(points, "gift", name="Dear", cost=5000)
    chosen = text_of(olga.get(f"/console/rewards/members/{ada.pk}/give/"))
    assert f"/give/{mug.pk}/" in chosen
    assert f"/give/{dear.pk}/" not in chosen
    assert "It costs 5,000 points. There are 1,000 points: 4,000 points are missing." in chosen
    address = f"/console/rewards/members/{ada.pk}/give/{mug.pk}/"
    page = text_of(olga.get(address))
    assert "600" in page
    token = re.search(r'name="token" value="([^"]+)"', page)
    assert token is not None
    missing = olga.post(address, {"token": token[1]})
    assert missing.status_code == 422
    assert "Address" in text_of(missing)
    sent = {"token": token[1], "details-address": "Main street 1", "reference": "ticket 5"}
    first, second = olga.post(address, sent), olga.post(address, sent)
    row = Redemption.objects.get()
    assert first["Location"] == second["Location"] == path(row)
    assert (row.actor_kind, row.actor, row.reference) == ("staff", "olga", "ticket 5")
    assert available(ada, clock.now()) == 600
    refused = olga.post(f"/console/rewards/members/{ada.pk}/give/{dear.pk}/", {"token": str(uuid4())})
    assert refused.status_code == 422
    assert "are missing" in text_of(refused)
    assert Redemption.objects.count() == 1


def test_a_date_is_chosen_where_there_are_several(points: PointType, ada: Member, olga: Client) -> None:
    walk = desk.a_draft(points, "experience")
    for day in (3, 10):
        stock.make(
            walk, f"d{day}", loaded=2, by="olga", at=clock.now(), starts_at=clock.now() + timedelta(days=day)
        )
    address = f"/console/rewards/members/{ada.pk}/give/{_published(walk).pk}/"
    page = text_of(olga.get(address))
    assert "(2 left)" in page
    assert olga.post(address, {"token": str(uuid4()), "stock": "d10"}).status_code == 302
    assert Redemption.objects.get().stock.code == "d10"
    assert olga.post(address, {"token": str(uuid4()), "stock": "nonsense"}).status_code == 422


def test_who_may_not_reads_why(points: PointType, ada: Member) -> None:
    row = taken(ada, desk.a_reward(points, "product"))
    nell = desk.nell()
    for page in (
        path(row),
        "/console/rewards/queue/",
        "/console/rewards/pickup/",
        "/console/rewards/settlement/",
    ):
        assert nell.get(page).status_code == 403
    looks = desk.staff("lou", "view_reward", "view_redemption", "view_member")
    page = text_of(looks.get(path(row)))
    assert "Can change redemption" in page
    for act in ("sent", "cancel"):
        assert looks.get(path(row, act)).status_code == 403
        assert send(looks, row, act, reason="x").status_code == 403
    assert looks.get(f"/console/rewards/members/{ada.pk}/give/").status_code == 403
    assert state(row) == ("confirmed", "ordered")


def test_the_raw_rows_are_read_only_and_masked(points: PointType, ada: Member, olga: Client) -> None:
    row = taken(ada, desk.a_reward(points))
    assert row.code is not None
    whole = codes.reveal(row.code)
    step = RedemptionStep.objects.get(redemption=row)
    for page in ("redemption", "redemptionstep", "code", "reward"):
        assert olga.get(f"/admin/rewards/{page}/").status_code == 200
    assert olga.get("/admin/rewards/redemption/add/").status_code == 403
    for page in (f"redemption/{row.pk}", f"redemptionstep/{step.pk}", f"code/{row.code.pk}"):
        answer = olga.get(f"/admin/rewards/{page}/change/")
        assert answer.status_code == 200
        assert whole not in text_of(answer)
        assert olga.post(f"/admin/rewards/{page}/change/", {}).status_code == 403
    assert olga.post(f"/admin/rewards/redemption/{row.pk}/delete/").status_code == 403
