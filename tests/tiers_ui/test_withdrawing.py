"""A version that is planned for a date: said before anything is counted, and withdrawn with one question."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from loyalty.base import clock
from loyalty.programs.models import Program
from tests.console import people
from tests.tiers_ui.shop import a_ladder, changed
from tiers import drafts, versions
from tiers.models import LadderVersion, TierSet

pytestmark = pytest.mark.django_db
BEGINS = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture
def program() -> Program:
    return people.a_program()


@pytest.fixture
def olga(program: Program) -> Client:
    return people.olga()


@pytest.fixture
def club(program: Program) -> TierSet:
    """Version 2 is planned for New Year 2099, and the draft differs from it."""
    draft = changed(a_ladder(program).tier_set, silver=150)
    versions.publish(draft, rollout="date", effective_from=BEGINS, by="olga", at=clock.now())
    return changed(draft, silver=200)


def read(client: Client, address: str) -> str:
    return client.get(f"/console/tiers/{address}").content.decode()


def withdraw(client: Client, club: TierSet, number: int = 2, **more: str) -> tuple[int, str]:
    answer = client.post(f"/console/tiers/{club.pk}/versions/{number}/withdraw/", more)
    return answer.status_code, answer.get("Location", "")


def test_the_ladder_and_the_version_offer_to_withdraw_it(olga: Client, club: TierSet) -> None:
    way = f'href="/console/tiers/{club.pk}/versions/2/withdraw/"'
    assert way in read(olga, f"{club.pk}/")
    assert way in read(olga, f"{club.pk}/versions/2/")
    assert "/withdraw/" not in read(olga, f"{club.pk}/versions/1/")


def test_the_question_says_what_happens_and_changes_nothing(olga: Client, club: TierSet) -> None:
    page = read(olga, f"{club.pk}/versions/2/withdraw/")
    assert "Withdraw version 2?" in page
    assert "It would take effect on 1 Jan 2099." in page
    assert "Version 1 stays in force" in page
    assert "Nobody's tier changes" in page
    assert LadderVersion.objects.filter(withdrawn_at=None).count() == 2


def test_a_withdrawn_version_says_by_whom_and_when_and_is_left_out(olga: Client, club: TierSet) -> None:
    assert withdraw(olga, club) == (302, f"/console/tiers/{club.pk}/")
    page = read(olga, f"{club.pk}/")
    assert "Version 2 is withdrawn." in page
    assert "takes effect on" not in page
    listed = page[page.index('id="lr-versions"') :]
    assert "Withdrawn" in listed
    own = read(olga, f"{club.pk}/versions/2/")
    assert "Withdrawn" in own
    assert "olga" in own[own.index("Withdrawn") :]
    assert "/withdraw/" not in own
    assert f"/console/tiers/{club.pk}/versions/2/restore/" in own


def test_a_second_version_can_be_published_after_that(olga: Client, club: TierSet) -> None:
    withdraw(olga, club)
    page = read(olga, f"{club.pk}/publish/")
    assert "Changes since version 1" in page
    assert "Publish version 3" in page
    assert olga.post(f"/console/tiers/{club.pk}/publish/", {"rollout": "now"}).status_code == 302
    assert versions.in_force(club, clock.now()) == LadderVersion.objects.get(number=3)
    assert "with=1" not in (compared := read(olga, f"{club.pk}/versions/3/"))
    assert "<del>100.00 GBP</del>" in compared


def test_publishing_says_first_that_one_is_planned_and_offers_what_is_possible(
    olga: Client, club: TierSet
) -> None:
    page = read(olga, f"{club.pk}/publish/")
    told = page.index("Version 2 is planned for 1 Jan 2099.")
    assert told < page.index("Who would move")
    assert f'href="/console/tiers/{club.pk}/versions/2/withdraw/?back=publish"' in page
    assert 'value="date" checked' in page
    assert 'id="id_rollout_now"' not in page
    assert withdraw(olga, club, back="publish") == (302, f"/console/tiers/{club.pk}/publish/")
    assert 'value="now" checked' in read(olga, f"{club.pk}/publish/")


@pytest.mark.parametrize(
    "way",
    [{"rollout": "now"}, {"rollout": "review"}, {"rollout": "date", "on_day": "2098-12-31"},
     {"rollout": "date", "on_day": "2099-01-01"}],
)  # fmt: skip
def test_an_earlier_ladder_is_refused_with_the_date(olga: Client, club: TierSet, way: dict[str, str]) -> None:
    answer = olga.post(f"/console/tiers/{club.pk}/publish/", way)
    assert answer.status_code == 422
    problem = "Version 2 is planned for 1 Jan 2099: a ladder takes effect after it, or it is withdrawn first."
    assert problem in answer.content.decode()
    assert LadderVersion.objects.count() == 2
    later = {"rollout": "date", "on_day": "2099-01-02"}
    assert olga.post(f"/console/tiers/{club.pk}/publish/", later).status_code == 302


def test_what_has_taken_effect_cannot_be_withdrawn(olga: Client, club: TierSet) -> None:
    assert "This cannot be done now" in read(olga, f"{club.pk}/versions/1/withdraw/")
    assert withdraw(olga, club, 1)[0] == 409
    withdraw(olga, club)
    assert "was withdrawn already" in read(olga, f"{club.pk}/versions/2/withdraw/")
    assert withdraw(olga, club)[0] == 409


def test_a_ladder_that_was_only_planned_is_a_draft_again(olga: Client, program: Program) -> None:
    draft = drafts.create(program, {"code": "club", "name": "Club"}, [{"code": "a", "name": "A", "threshold": 0}],
                          by="olga", at=clock.now())  # fmt: skip
    versions.publish(draft, rollout="date", effective_from=BEGINS, by="olga", at=clock.now())
    assert "No ladder is in force then" in read(olga, f"{draft.pk}/versions/1/withdraw/")
    assert withdraw(olga, draft, 1)[0] == 302
    page = read(olga, f"{draft.pk}/")
    assert "Draft" in page
    assert "See who would move" in page


def test_who_may_not_publish_reads_why_and_cannot_withdraw(club: TierSet) -> None:
    user = User.objects.create_user("vera", password="a long passphrase", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_tierset", "change_tierset"]))
    vera = people._signed_in(user)
    for address in (f"{club.pk}/", f"{club.pk}/versions/2/"):
        page = read(vera, address)
        assert 'aria-describedby="lr-locked-withdraw-2"' in page
        assert "You may not withdraw it: ask an administrator for “Can add ladder version”." in page
        assert "/withdraw/" not in page
    assert withdraw(vera, club)[0] == 403
    assert LadderVersion.objects.get(number=2).withdrawn_at is None


def test_another_programs_version_is_not_there(olga: Client, club: TierSet) -> None:
    olga.post("/console/switch/", {"program": people.a_program("other").code})
    assert withdraw(olga, club)[0] == 404
