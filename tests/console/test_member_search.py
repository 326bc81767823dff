"""One box finds a member by whatever a customer on the phone can read out."""

from __future__ import annotations

import pytest

from loyalty.console import search
from loyalty.console.panels import Hit, finders
from tests.console import people

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "typed",
    [
        "ana.ruiz@example.org",
        "ANA.RUIZ@Example.ORG",
        "+44 7911 123456",
        "07911 123456",
        "(07911) 123-456",
        "94001234",
        "9400 1234",
        "ana",
        "ext:ana",
        "ANA",
        "EXT:ana",
        "A-1042",
        "a-1042",
        "e-A-1042",
    ],
)
def test_what_names_one_member_opens_the_member(typed: str) -> None:
    program = people.a_program()
    member = people.ana(program)
    people.an_order(people.a_channel(program))
    answer = people.olga().get("/console/members/", {"q": typed})
    assert answer.status_code == 302
    assert answer["Location"] == f"/console/members/{member.pk}/"


def test_what_is_spelled_as_typed_wins_over_the_same_in_another_case() -> None:
    program = people.a_program()
    ana = people.ana(program)
    bea = people.ana(program, external_id="ANA", email="bea@example.org", phone=None, card=None, name="Bea")
    client = people.olga()
    for typed, member in (("ana", ana), ("ANA", bea)):
        answer = client.get("/console/members/", {"q": typed})
        assert answer["Location"] == f"/console/members/{member.pk}/"


def test_ids_of_member_event_and_transaction_open_the_member_also_from_a_pasted_address() -> None:
    program = people.a_program()
    member = people.ana(program)
    receipt = people.an_order(people.a_channel(program))
    booked = people.given(member, 10)
    client = people.olga()
    for one in (member.pk, receipt.event_id, booked.pk, f"https://shop.example/x/{booked.pk}/"):
        assert (
            client.get("/console/members/", {"q": str(one)})["Location"] == f"/console/members/{member.pk}/"
        )


@pytest.mark.parametrize("typed", ["ana ruiz", "RUÍZ", "odegard", "ruis", "anna ruiz"])
def test_a_name_is_found_without_its_accents_and_with_a_typo(typed: str) -> None:
    program = people.a_program()
    member = people.ana(program)
    assert search.found(program, typed) == [member]


def test_percent_and_underscore_are_letters_like_any_other() -> None:
    program = people.a_program()
    people.ana(program)
    assert search.found(program, "%%%") == []
    assert search.found(program, "An_ R") == []


def test_typing_shows_matches_and_never_jumps_away() -> None:
    program = people.a_program()
    people.ana(program)
    answer = people.olga().get("/console/members/", {"q": "ana"}, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert "1 member found" in answer.content.decode()
    assert "<html" not in answer.content.decode()
    assert "HX-Request" in answer["Vary"]


def test_addresses_and_phones_are_masked_in_lists() -> None:
    program = people.a_program()
    people.ana(program)
    page = (
        people.olga()
        .get("/console/members/", {"q": "Ana R"}, headers={"HX-Request": "true"})
        .content.decode()
    )
    assert "a••@example.org" in page
    assert "ana.ruiz@example.org" not in page
    assert "+447911123456" not in page


def test_no_match_says_what_was_looked_for_and_an_empty_program_says_something_else() -> None:
    program = people.a_program()
    client = people.olga()
    assert "No members yet" in client.get("/console/members/").content.decode()
    people.ana(program)
    nothing = client.get("/console/members/", {"q": "zzzzqqq"}).content.decode()
    assert "No member matches" in nothing
    assert "zzzzqqq" in nothing
    assert "No members yet" not in nothing


def test_a_name_with_markup_is_text() -> None:
    program = people.a_program()
    people.ana(program, name="<script>alert(1)</script><b hx-get=/x>")
    client = people.olga()
    for path in ("/console/members/", "/console/members/?q=script"):
        page = client.get(path, follow=True).content.decode()
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page


def test_what_an_upper_app_knows_is_found_too(monkeypatch: pytest.MonkeyPatch) -> None:
    people.a_program()
    olga = people.olga()
    known = Hit("Redemption PICK-UP 77", "/console/numbers/")
    monkeypatch.setattr(
        finders, "_items", {"test": (0, lambda program, term: known if term == "77-AB" else None)}
    )
    answer = olga.get("/console/members/", {"q": "77-AB"})
    assert (answer.status_code, answer["Location"]) == (302, "/console/numbers/")
    typing = olga.get("/console/members/", {"q": "77-AB"}, headers={"HX-Request": "true"}).content.decode()
    assert "Redemption PICK-UP 77" in typing
    assert "No member matches" not in typing
    assert "No member matches" in olga.get("/console/members/", {"q": "78-AB"}).content.decode()
