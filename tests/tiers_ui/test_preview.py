"""Before a ladder is published: who would move, as numbers, as a matrix and as a list; then everybody is placed."""

from __future__ import annotations

import pytest
from django.test import Client

from loyalty.base import clock, job_runs
from loyalty.base.models import Job
from loyalty.programs.models import Program
from tests.console import people
from tests.tiers_ui.shop import a_ladder, a_member, changed
from tiers import preview, review
from tiers.models import LadderVersion, Standing, TierSet
from tiers.screens import foreseeing

pytestmark = pytest.mark.django_db


@pytest.fixture
def program() -> Program:
    return people.a_program()


@pytest.fixture
def olga(program: Program) -> Client:
    return people.olga()


@pytest.fixture
def club(program: Program) -> TierSet:
    """Friend, Silver, Silver and Gold; the draft wants less for Gold and more for Silver."""
    ladder = a_ladder(program)
    for name, spent in (("ana", 0), ("bea", 120), ("carl", 200), ("dora", 400)):
        a_member(program, name, spent)
    review.due(program, at=clock.now())
    return changed(ladder.tier_set, silver=150, gold=180)


def shown(client: Client, club: TierSet, **way: str) -> str:
    query = "&".join(f"{name}={value}" for name, value in way.items())
    answer = client.get(f"/console/tiers/{club.pk}/preview/?{query}", headers={"HX-Request": "true"})
    return answer.content.decode()


def test_it_says_how_many_move_up_and_down_and_stay(olga: Client, club: TierSet) -> None:
    page = shown(olga, club, rollout="now")
    assert "1 move up, 1 move down, 50.0% stay." in page
    assert "from=silver&amp;to=gold" in page
    assert not LadderVersion.objects.filter(number=2).exists()


def test_protected_tiers_stay_for_now(olga: Client, club: TierSet) -> None:
    page = shown(olga, club, rollout="now", protect="on")
    assert "1 move up, 0 move down, 75.0% stay." in page
    assert "1 member is protected for now" in page


def test_the_way_to_the_people_and_back_keeps_what_was_chosen(olga: Client, club: TierSet) -> None:
    page = shown(olga, club, rollout="date", on_day="2031-05-01", note="Fewer+%26+better")
    kept = "rollout=date&amp;on_day=2031-05-01&amp;note=Fewer+%26+better"
    assert f"{kept}&amp;from=silver&amp;to=gold" in page
    people_of = f"/console/tiers/{club.pk}/moves/?{kept}&from=silver&to=gold".replace("&amp;", "&")
    listed = olga.get(people_of).content.decode()
    assert f'href="/console/tiers/{club.pk}/publish/?{kept}"' in listed
    form = olga.get(f"/console/tiers/{club.pk}/publish/?{kept.replace('&amp;', '&')}").context["form"]
    assert form["rollout"].value() == "date"
    assert not form["protect"].value()
    assert (form["on_day"].value(), form["note"].value()) == ("2031-05-01", "Fewer & better")


def test_at_each_review_nobody_moves_today(olga: Client, club: TierSet) -> None:
    page = shown(olga, club, rollout="review", protect="on")
    assert "0 move down" in page
    assert "In the end: 1 up, 1 down" in page


def test_a_cell_leads_to_its_people_page_by_page(
    olga: Client, club: TierSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreseeing, "PAGE", 1)
    address = f"/console/tiers/{club.pk}/moves/?rollout=now&from=silver&to=gold"
    page = olga.get(address).content.decode()
    assert "Carl" in page
    assert "200.00 GBP" in page
    assert "c••@example.org" in page
    assert "The next" not in page
    stay = f"/console/tiers/{club.pk}/moves/?rollout=now&from=gold&to=gold"
    assert "Dora" in olga.get(stay).content.decode()
    assert olga.get(f"/console/tiers/{club.pk}/moves/?from=gold&to=diamond").status_code == 404
    changed(club, silver=100, gold=150)
    both = olga.get(address)
    assert both.context["next"] is None
    everybody = olga.get(f"/console/tiers/{club.pk}/moves/?rollout=now&from=friend&to=friend")
    assert "Ana" in everybody.content.decode()


def test_the_people_of_a_cell_can_be_taken_along_as_a_file(
    olga: Client, club: TierSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreseeing, "PAGE_OF_FILE", 1)
    address = f"/console/tiers/{club.pk}/moves/?rollout=now&from=silver&to=gold"
    assert 'format=csv" download' in olga.get(address).content.decode()
    answer = olga.get(f"{address}&format=csv")
    assert answer["Content-Disposition"] == 'attachment; filename="club-silver-to-gold.csv"'
    carl = Standing.objects.get(member__name="Carl").member_id
    content = b"".join(answer).decode()
    assert content.splitlines() == ["member,from,to,counted", f"{carl},silver,gold,200"]
    stays = olga.get(f"/console/tiers/{club.pk}/moves/?rollout=now&from=friend&to=friend&format=csv")
    ids = [line.split(",")[0] for line in b"".join(stays).decode().splitlines()[1:]]
    assert sorted(ids) == ids
    assert len(ids) == Standing.objects.filter(tier_code="friend").count()


def test_a_draft_with_faults_says_so_instead(olga: Client, club: TierSet) -> None:
    changed(club, silver=500)
    assert "A tier needs more than the one below it." in shown(olga, club)


def test_a_big_program_is_counted_by_a_job(
    olga: Client, club: TierSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreseeing, "AT_ONCE", 1)
    assert "Count who would move" in shown(olga, club, rollout="now", protect="on")
    for _ in range(2):
        olga.post(f"/console/tiers/{club.pk}/preview/", {"rollout": "now", "protect": "on"})
    job = Job.objects.get(kind=preview.KIND)
    assert "You can close this page" in shown(olga, club, rollout="now", protect="on")
    run(job)
    page = shown(olga, club, rollout="now", protect="on")
    assert "1 move up, 0 move down, 75.0% stay." in page
    assert "Count who would move" in shown(olga, club, rollout="now")
    changed(club, silver=110)
    assert "Count who would move" in shown(olga, club, rollout="now", protect="on")


def run(job: Job) -> None:
    job_runs.run_waiting(clock.now)
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.error


def test_publishing_places_everybody_by_a_job(olga: Client, club: TierSet) -> None:
    answer = olga.post(f"/console/tiers/{club.pk}/publish/", {"rollout": "now", "protect": "on"})
    job = Job.objects.get(kind="tiers_place")
    assert answer["Location"] == f"/console/jobs/{job.pk}/"
    run(job)
    assert f'href="/console/tiers/{club.pk}/"' in olga.get(f"/console/jobs/{job.pk}/").content.decode()
    job.refresh_from_db()
    assert job.result["summary"] == [
        ["Members looked at", 4], ["Rose", 1], ["Dropped", 0], ["Stayed where they were", 3],
    ]  # fmt: skip
    standings = dict(Standing.objects.values_list("member__name", "tier_code"))
    assert standings == {"Ana": "friend", "Bea": "silver", "Carl": "gold", "Dora": "gold"}
    bars = olga.get(f"/console/tiers/{club.pk}/members/", headers={"HX-Request": "true"}).content.decode()
    assert "50.0%" in bars


def test_everybody_is_recalculated_by_a_job(olga: Client, club: TierSet) -> None:
    Standing.objects.update(tier_code="gold")
    answer = olga.post(f"/console/tiers/{club.pk}/recalculate/")
    job = Job.objects.get(kind="tiers_recalculate")
    assert answer["Location"] == f"/console/jobs/{job.pk}/"
    run(job)
    assert Standing.objects.get(member__name="Bea").tier_code == "silver"
    assert olga.get(f"/console/jobs/{job.pk}/").status_code == 200
