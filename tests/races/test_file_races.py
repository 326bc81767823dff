"""Two program files at once: what is left is what one of them says, and nothing in between."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from tests.program_files.files import CAFE, NOON, apply
from tests.races.racing import codes, race

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 6


def test_of_two_files_at_once_the_later_one_counts_as_a_whole() -> None:
    apply(CAFE)
    for round_ in range(ROUNDS):
        at = NOON + timedelta(days=round_)
        files = [CAFE.replace("multiplier: 2", "multiplier: 5"), CAFE.replace("name: Till", "name: Desk")]
        results = race([partial(apply, text, at=at) for text in files])
        assert codes(results) == []
        assert [] in [apply(text, at=at, dry_run=True).changes for text in files]
        apply(CAFE, at=at)
