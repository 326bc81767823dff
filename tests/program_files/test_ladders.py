"""Ladders of tiers in program files: what differs is published, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest

from loyalty.base.clock import write_instant
from loyalty.members import members
from loyalty.programs.files.faults import FileRefused
from loyalty.programs.models import Program
from tests.program_files.files import CAFE, NOON, apply, export, faults
from tiers import drafts, versions
from tiers.ladder import Ladder
from tiers.models import LadderVersion, Standing, TierSet

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(days=1)
OTHER = """
  - code: partners
    name: Partners
    main: false
    measure: orders
    window: {kind: lifetime}
    validity: {kind: while_qualified}
    tiers:
      - {code: friend, name: Friend, threshold: 1}

campaigns:"""


def test_a_file_publishes_a_ladder_with_everything_it_gives() -> None:
    apply(CAFE)
    version = LadderVersion.objects.get()
    ladder = Ladder.parse(version.definition)
    gold = ladder.by_code["gold"]
    assert (ladder.measure, ladder.window, ladder.validity) == ("spend", "rolling", "duration")
    assert (str(gold.threshold), str(gold.benefits.earning_multiplier)) == ("300.5", "1.5")
    assert gold.benefits.perks[0].text == "A seat by the window"
    assert (version.effective_from, version.rollout, version.protect) == (NOON, "now", True)


def test_only_a_ladder_that_differs_is_published_anew() -> None:
    apply(CAFE)
    assert apply(CAFE.replace("300.50", '"300.5"'), at=LATER).changes == []
    outcome = apply(CAFE.replace("threshold: 100", "threshold: 120"), at=LATER)
    assert ("tiers/silver/threshold", "100", "120") in [
        (one.field, str(one.old), str(one.new)) for one in outcome.changes
    ]
    assert LadderVersion.objects.get(number=2).effective_from == LATER


def test_how_it_is_rolled_out_is_read_when_something_is_published() -> None:
    apply(CAFE)
    text = CAFE.replace("measure: spend", "measure: spend\n    rollout: review\n    protect: false")
    assert apply(text, at=LATER).changes == []
    apply(text.replace("threshold: 100", "threshold: 120"), at=LATER)
    version = LadderVersion.objects.get(number=2)
    assert (version.rollout, version.protect) == ("review", False)


def test_a_date_to_come_needs_its_date() -> None:
    dated = CAFE.replace("measure: spend", "measure: spend\n    rollout: date")
    assert [(where, code) for _, where, code in faults(dated)] == [("tiers/0/rollout", "date_missing")]
    apply(dated.replace("rollout: date", "rollout: date\n    effective_from: 2026-05-01T00:00:00+02:00"))
    assert write_instant(LadderVersion.objects.get().effective_from) == "2026-04-30T22:00:00Z"


def test_a_ladder_may_begin_in_the_past_while_nobody_was_placed_by_it() -> None:
    dated = CAFE.replace("measure: spend", "measure: spend\n    effective_from: 2025-01-01T00:00:00Z")
    apply(dated)
    version = LadderVersion.objects.get()
    assert write_instant(version.effective_from) == "2025-01-01T00:00:00Z"
    ada, _created = members.register(version.program, {"external_id": "ada"}, channel=None, at=NOON)
    Standing.objects.create(
        program=version.program, tier_set=version.tier_set, member=ada, version=version, seen_version=version,
        computed_through=NOON.date(), updated_at=NOON,
    )  # fmt: skip
    later = dated.replace("2025-01-01", "2025-06-01").replace("threshold: 100", "threshold: 120")
    assert [(where, code) for _, where, code in faults(later)] == [
        ("tiers/0/effective_from", "version_backdated")
    ]


def test_a_ladder_that_differs_waits_for_the_planned_version_or_for_its_withdrawal() -> None:
    apply(CAFE)
    published = export()
    dated = "measure: spend\n    rollout: date\n    effective_from: 2099-05-01T00:00:00+02:00"
    planned = CAFE.replace("measure: spend", dated).replace("threshold: 100", "threshold: 120")
    apply(planned, at=LATER)
    for text in (CAFE, planned.replace("threshold: 120", "threshold: 130")):
        with pytest.raises(FileRefused) as refused:
            apply(text, at=LATER)
        (fault,) = refused.value.faults
        assert (fault.place, fault.code) == ("tiers/0/effective_from", "version_backdated")
        assert fault.message == (
            "Version 2 is planned for 2099-05-01: a ladder takes effect after it, unless that version is withdrawn "
            "first."
        )
    versions.withdraw(LadderVersion.objects.get(number=2), by="olga", at=LATER)
    assert export() == published
    assert apply(CAFE, at=LATER).changes == []
    apply(CAFE.replace("threshold: 100", "threshold: 130"), at=LATER)
    assert LadderVersion.objects.get(number=3).effective_from == LATER


def test_a_draft_is_stored_and_nobody_has_its_tiers() -> None:
    draft = CAFE.replace("name: Club\n", "name: Club\n    status: draft\n")
    apply(draft)
    assert TierSet.objects.exists()
    assert not LadderVersion.objects.exists()
    assert apply(draft).changes == []
    apply(CAFE, at=LATER)
    assert [code for _, _, code in faults(draft)] == ["already_published"]


def test_an_edit_that_nobody_published_is_no_part_of_the_file() -> None:
    apply(CAFE)
    text = export()
    club = TierSet.objects.get()
    drafts.save(club, {"grace_days": 7}, revision=club.revision, by="olga", at=LATER)
    assert export() == text
    assert apply(CAFE, at=LATER).changes == []


def test_a_program_has_one_main_ladder() -> None:
    apply(CAFE.replace("\ncampaigns:", OTHER, 1))
    mains = dict(TierSet.objects.values_list("code", "is_main"))
    assert mains == {"club": True, "partners": False}
    second = OTHER.replace("main: false", "main: true").replace("partners", "others")
    wrong = faults(CAFE.replace("\ncampaigns:", second, 1))
    assert [(where, code) for _, where, code in wrong] == [("tiers/1/main", "main_taken")]
    swapped = CAFE.replace("name: Club\n", "name: Club\n    main: false\n")
    assert [(where, code) for _, where, code in faults(swapped)] == [("tiers/0/main", "unchangeable")]


def test_two_main_ladders_in_a_new_program_are_told() -> None:
    text = CAFE.replace("\ncampaigns:", OTHER.replace("main: false", "main: true"), 1)
    assert [(where, code) for _, where, code in faults(text)] == [("tiers/1/main", "main_taken")]
    assert not Program.objects.exists()
