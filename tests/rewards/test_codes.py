"""A stolen database holds no code that anybody could use."""

from __future__ import annotations

import pytest
from django.conf import LazySettings

from loyalty.programs.models import PointType
from rewards import codes
from rewards.errors import CodeUnreadable
from rewards.models import Code, Reward
from tests.rewards.shop import NOON, a_point_type, a_program, a_reward

pytestmark = pytest.mark.django_db


def kept(reward: Reward, text: str) -> Code:
    sealed = codes.seal(reward.program_id, text)
    return Code.objects.create(
        program_id=reward.program_id, reward=reward, ciphertext=sealed.ciphertext, digest=sealed.digest,
        last_four=sealed.last_four, created_at=NOON, changed_at=NOON,
    )  # fmt: skip


def test_a_code_is_read_back_and_is_nowhere_in_the_row(points: PointType) -> None:
    code = kept(a_reward(points), "SUMMER-1234")
    assert codes.reveal(Code.objects.get()) == "SUMMER-1234"
    assert codes.masked(code) == "••••1234"
    assert b"SUMMER" not in bytes(code.ciphertext) + bytes(code.digest)


def test_the_same_code_looks_different_each_time_it_is_encrypted(points: PointType) -> None:
    one, other = (codes.seal(1, "SUMMER-1234") for _ in range(2))
    assert one.ciphertext != other.ciphertext
    assert one.digest == other.digest
    assert codes.seal(2, "SUMMER-1234").digest != one.digest


@pytest.mark.parametrize(("text", "shown"), [("ABCD", ""), ("ABCDE", "E"), ("ABCDEFGH", "EFGH")])
def test_the_mask_of_a_short_code_does_not_show_most_of_it(text: str, shown: str) -> None:
    assert codes.seal(1, text).last_four == shown


def test_our_own_codes_are_found_however_they_are_typed(points: PointType) -> None:
    made = codes.generate()
    code = kept(a_reward(points), made)
    for typed in (made, made.lower(), made.replace("-", ""), f"  {made.replace('-', ' ')} "):
        assert codes.find(points.program, typed) == code
    assert codes.find(points.program, "7K3M-9QXD-4T2W") is None
    assert codes.find(points.program, "") is None


def test_another_program_does_not_find_it(points: PointType) -> None:
    code = kept(a_reward(points), "SUMMER-1234")
    other = a_point_type(a_program("bar")).program
    assert codes.find(other, "SUMMER-1234") is None
    assert codes.find(points.program, "SUMMER-1234") == code


def test_a_rotated_key_still_reads_what_the_old_one_wrote(points: PointType, settings: LazySettings) -> None:
    code = kept(a_reward(points), "SUMMER-1234")
    settings.CODE_KEY, settings.CODE_KEY_FALLBACKS = "another", [settings.CODE_KEY]
    assert codes.reveal(code) == "SUMMER-1234"
    assert not codes.is_current(bytes(code.ciphertext))
    assert codes.find(points.program, "SUMMER-1234") == code
    settings.CODE_KEY_FALLBACKS = []
    with pytest.raises(CodeUnreadable):
        codes.reveal(code)


def test_a_ciphertext_moved_to_another_row_is_not_read_as_its_code(points: PointType) -> None:
    reward = a_reward(points)
    mine, yours = kept(reward, "SUMMER-1234"), kept(reward, "WINTER-5678")
    mine.ciphertext = yours.ciphertext
    with pytest.raises(CodeUnreadable):
        codes.reveal(mine)


def test_generated_codes_hold_nothing_that_is_mistaken_for_something_else() -> None:
    made = {codes.generate() for _ in range(200)}
    assert len(made) == 200
    assert not set("".join(made)) & set("IO01")
