"""Points given and taken by hand: previewed, booked once, with a receipt."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from loyalty.base import clock
from loyalty.events.activity import activity_listeners
from loyalty.ledger.models import Transaction
from loyalty.members import members
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from tests.console import people


def sent(client: Client, member: Member, **changes: Any) -> Any:
    point_type = people.points_of(member.program)
    data = {
        "token": str(uuid4()), "direction": "give", "points": "500", "point_type": point_type.pk,
        "reason_code": "goodwill", "reference": "T-77", "note": "Late parcel",
    }  # fmt: skip
    return client.post(f"/console/members/{member.pk}/adjust/", data | changes)


@pytest.mark.django_db
def test_points_are_given_with_reason_actor_and_receipt() -> None:
    member = people.ana(people.a_program())
    client = people.sam()
    answer = sent(client, member, points="1,500")
    booked = Transaction.objects.get()
    assert answer["Location"] == f"/console/members/{member.pk}/receipts/{booked.pk}/"
    assert (booked.kind, booked.amount, booked.actor_kind, booked.actor) == ("adjust", 1500, "staff", "sam")
    assert (booked.reason_code, booked.reference, booked.note) == ("goodwill", "T-77", "Late parcel")
    receipt = client.get(answer["Location"]).content.decode()
    assert "+1,500 points" in receipt
    assert "Goodwill" in receipt


@pytest.mark.django_db
def test_the_same_form_sent_again_books_nothing_and_shows_the_first_receipt() -> None:
    member = people.ana(people.a_program())
    client, token = people.sam(), str(uuid4())
    first = sent(client, member, token=token)
    again = sent(client, member, token=token)
    other_amount = sent(client, member, token=token, points="9000")
    assert first["Location"] == again["Location"] == other_amount["Location"]
    assert Transaction.objects.count() == 1


@pytest.mark.django_db
def test_going_back_to_a_form_that_was_carried_out_shows_its_receipt() -> None:
    member = people.ana(people.a_program())
    client = people.sam()
    form = client.get(f"/console/members/{member.pk}/adjust/?reference=T-1")["Location"]
    page = client.get(form).content.decode()
    token = form.partition("form=")[2]
    assert f'value="{token}"' in page
    assert 'value="T-1"' in page
    receipt = sent(client, member, token=token)["Location"]
    assert client.get(form)["Location"] == receipt


@pytest.mark.django_db(transaction=True)
def test_a_double_click_books_once() -> None:
    member = people.ana(people.a_program())
    client, token = people.sam(), str(uuid4())

    def click(_number: int) -> int:
        try:
            return int(sent(client, member, token=token).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as clicks:
        codes = list(clicks.map(click, range(4)))
    assert codes == [302] * 4
    assert Transaction.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reason_code": ""}, "This field is required"),
        ({"reason_code": "because"}, "Select a valid choice"),
        ({"reason_code": "other", "note": ""}, "Say in the note"),
        ({"points": "0"}, "above zero"),
        ({"points": "-5"}, "above zero"),
        ({"points": "1.5"}, "Give a whole number."),
        ({"points": "abc"}, "Write a plain number such as 1250."),
        ({"points": "many"}, "plain number"),
        ({"points": "1,5"}, "Write 1234.5 or 1,234.5: a point before decimals"),
        ({"points": "1 234,5"}, "a point before decimals"),
        ({"points": "9999999999999999"}, "beyond what can be booked"),
        ({"points": "1000000000000"}, "At most 1,000,000,000 at once"),
        ({"direction": "take", "points": "1"}, "points"),
        ({"token": "no-uuid"}, "valid UUID"),
    ],
)
def test_a_refused_form_books_nothing_keeps_what_was_typed_and_says_why(
    changes: dict[str, str], words: str
) -> None:
    member = people.ana(people.a_program())
    answer = sent(people.sam(), member, **changes)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "There is a problem" in page
    assert words in page
    assert "Late parcel" in page or changes.get("note") == ""
    assert not Transaction.objects.exists()


@pytest.mark.django_db
def test_a_refused_form_can_be_corrected_and_sent_with_the_same_token() -> None:
    member = people.ana(people.a_program())
    client, token = people.sam(), str(uuid4())
    assert sent(client, member, token=token, direction="take", points="5").status_code == 422
    assert sent(client, member, token=token, points="5").status_code == 302
    assert Transaction.objects.get().amount == 5


@pytest.mark.django_db
def test_the_preview_shows_before_and_after_and_changes_nothing() -> None:
    member = people.ana(people.a_program())
    people.given(member, 1000)
    point_type = people.points_of(member.program)
    page = people.sam().post(
        f"/console/members/{member.pk}/adjust/preview/",
        {"direction": "take", "points": "250", "point_type": point_type.pk},
    )
    assert "1,000" in page.content.decode()
    assert "−250" in page.content.decode()
    assert "750" in page.content.decode()
    assert Transaction.objects.count() == 1


@pytest.mark.django_db
def test_the_preview_warns_before_more_is_taken_than_there_is() -> None:
    member = people.ana(people.a_program())
    point_type = people.points_of(member.program)
    data = {"direction": "take", "points": "1", "point_type": point_type.pk}
    page = people.sam().post(f"/console/members/{member.pk}/adjust/preview/", data).content.decode()
    assert "does not have that many" in page


@pytest.mark.django_db
def test_the_preview_says_why_what_is_typed_is_no_amount() -> None:
    member = people.ana(people.a_program())
    typed = {"direction": "give", "point_type": people.points_of(member.program).pk}
    client, address = people.sam(), f"/console/members/{member.pk}/adjust/preview/"
    assert "a point before decimals" in client.post(address, typed | {"points": "12,50"}).content.decode()
    assert "number above zero" in client.post(address, typed | {"points": "0"}).content.decode()
    assert "Type how many" in client.post(address, typed | {"points": ""}).content.decode()


@pytest.mark.django_db
def test_without_the_permission_the_button_is_off_and_the_address_says_who_can_grant_it() -> None:
    member = people.ana(people.a_program())
    client = people.nell()
    answer = client.get(f"/console/members/{member.pk}/adjust/")
    assert answer.status_code == 403
    assert "Can add transaction" in answer.content.decode()
    assert sent(client, member).status_code == 403
    assert not Transaction.objects.exists()


@pytest.mark.django_db
def test_a_booking_is_undone_from_its_receipt_and_both_stay() -> None:
    member = people.ana(people.a_program())
    booked = people.given(member, 500)
    client = people.sam()
    undo = client.get(f"/console/members/{member.pk}/receipts/{booked.pk}/").context["undo"]
    page = client.get(undo, follow=True)
    assert "Take 500 points from" in page.content.decode()
    form = page.context["form"]
    client.post(
        f"/console/members/{member.pk}/adjust/", {field.html_name: field.value() or "" for field in form}
    )
    amounts = Transaction.objects.filter(member=member).order_by("id").values_list("amount", "reason_code")
    assert list(amounts) == [(500, "goodwill"), (-500, "correction")]
    undoing = Transaction.objects.get(member=member, amount=-500)
    first = client.get(f"/console/members/{member.pk}/receipts/{booked.pk}/").content.decode()
    second = client.get(f"/console/members/{member.pk}/receipts/{undoing.pk}/").content.decode()
    assert "Undo with an opposite booking" not in first
    assert f"/receipts/{undoing.pk}/" in first[first.index("Undone by") :]
    assert f"/receipts/{booked.pk}/" in second[second.index("Undoes") :]


@pytest.mark.django_db
def test_what_was_undone_in_part_can_be_undone_further() -> None:
    member = people.ana(people.a_program())
    booked = people.given(member, 500)
    client = people.sam()
    sent(client, member, direction="take", points="200", reason_code="correction", reference=str(booked.pk))
    receipt = client.get(f"/console/members/{member.pk}/receipts/{booked.pk}/").content.decode()
    assert "Undone by" in receipt
    assert "Undo with an opposite booking" in receipt


def stars_of(member: Member) -> PointType:
    return PointType.objects.create(program=member.program, code="stars", name_one="star", name_many="stars")


@pytest.mark.django_db
def test_counting_for_tiers_is_asked_for_and_never_assumed() -> None:
    member = people.ana(people.a_program())
    client = people.sam()
    page = client.get(f"/console/members/{member.pk}/adjust/", follow=True).content.decode()
    assert '<input type="checkbox" name="counts" id="id_counts"  aria-describedby' in page
    plain = client.get(sent(client, member)["Location"]).content.decode()
    assert "Counts for tiers" not in plain
    counted = client.get(sent(client, member, counts="on")["Location"]).content.decode()
    assert "Counts for tiers" in counted
    assert "+500 on" in counted
    assert "counts=on" in counted, "undoing takes it off the count too"


@pytest.mark.django_db
def test_the_receipt_says_what_became_of_the_tier(monkeypatch: pytest.MonkeyPatch) -> None:
    member = people.ana(people.a_program())

    def raise_tier(ids: Any, at: Any) -> None:
        members.set_standing(member.pk, "gold", "Gold", since=at)

    monkeypatch.setitem(activity_listeners._items, "test", (0, raise_tier))
    client = people.sam()
    assert (
        "from no tier to Gold" in client.get(sent(client, member, counts="on")["Location"]).content.decode()
    )
    assert "stays Gold" in client.get(sent(client, member, counts="on")["Location"]).content.decode()


@pytest.mark.django_db
def test_points_of_another_kind_cannot_count() -> None:
    member = people.ana(people.a_program())
    answer = sent(people.sam(), member, counts="on", point_type=stars_of(member).pk)
    assert answer.status_code == 422
    assert "Only the kind “points” counts for tiers" in answer.content.decode()
    assert not Transaction.objects.exists()


@pytest.mark.django_db
def test_the_preview_says_whether_the_tier_may_change() -> None:
    member = people.ana(people.a_program())
    typed = {"direction": "give", "points": "5", "point_type": people.points_of(member.program).pk}
    client, address = people.sam(), f"/console/members/{member.pk}/adjust/preview/"
    assert "The tier stays as it is" in client.post(address, typed).content.decode()
    assert "Counted as earned today: +5" in client.post(address, typed | {"counts": "on"}).content.decode()


@pytest.mark.django_db
def test_the_preview_says_when_the_given_points_will_lapse() -> None:
    member = people.ana(people.a_program())
    point_type = people.points_of(member.program)
    typed = {"direction": "give", "points": "5", "point_type": point_type.pk}
    client, address = people.sam(), f"/console/members/{member.pk}/adjust/preview/"
    PointType.objects.filter(pk=point_type.pk).update(
        expiry_kind="fixed", expiry_dates=["12-31"], expiry_count=None, expiry_unit=""
    )
    year = clock.local_date(clock.now(), member.program.zone).year
    assert f"lapse after 31 Dec {year}" in client.post(address, typed).content.decode()
    PointType.objects.filter(pk=point_type.pk).update(expiry_kind="none", expiry_dates=[])
    assert "do not lapse" in client.post(address, typed).content.decode()


@pytest.mark.django_db
def test_on_a_phone_before_and_after_stand_above_the_button() -> None:
    member = people.ana(people.a_program())
    page = people.sam().get(f"/console/members/{member.pk}/adjust/", follow=True).content.decode()
    assert page.index('id="lr-preview"') < page.index('id="lr-do"')
