"""Facts are written with the change that they announce, or not at all."""

from __future__ import annotations

import pytest
from django.db import transaction

from loyalty.outbox import facts
from loyalty.outbox.facts import FactRow
from loyalty.outbox.models import Fact
from tests.ledger.characters import NOON, a_member, a_program

TEXT = 'ünï 😀 \\ "quoted" \t\n\r \\N {} \\.'


@pytest.mark.django_db
def test_facts_keep_their_order_and_every_character() -> None:
    program = a_program()
    ada = a_member(program)
    data = {"text": TEXT, "points": 10**16 + 1, "nested": {"list": [None, True, TEXT]}}
    facts.record_many(
        [
            FactRow(program.pk, ada.pk, "points.earned", data, NOON, NOON),
            FactRow(program.pk, None, "campaign.published", {}, NOON, NOON),
        ]
    )
    facts.record(
        program.pk, ada.pk, "member.updated", {"fields": ["name"]}, occurred_at=NOON, recorded_at=NOON
    )
    written = Fact.objects.order_by("id").values_list("member_id", "type", "data")
    assert list(written) == [
        (ada.pk, "points.earned", data),
        (None, "campaign.published", {}),
        (ada.pk, "member.updated", {"fields": ["name"]}),
    ]


@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_undone_is_never_announced() -> None:
    program = a_program()
    with transaction.atomic():
        facts.record(program.pk, None, "campaign.published", {}, occurred_at=NOON, recorded_at=NOON)
        transaction.set_rollback(True)
    assert not Fact.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_is_announced() -> None:
    program = a_program()
    with pytest.raises(RuntimeError):
        facts.record(program.pk, None, "campaign.published", {}, occurred_at=NOON, recorded_at=NOON)
    assert not Fact.objects.exists()
