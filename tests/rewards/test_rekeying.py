"""Another key for codes: everything is brought under it, in portions, while the old one is still there."""

from __future__ import annotations

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command

from loyalty.base import clock, job_runs
from loyalty.programs.models import PointType
from rewards import codes, rekeying, vouchers
from rewards.models import Code, CodeBatch, Reward
from tests.rewards.shop import NOON, a_reward

pytestmark = pytest.mark.django_db
CODES = [f"CODE-{number:04d}" for number in range(7)]


@pytest.fixture
def pool(points: PointType, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Reward:
    """Seven codes and a file that waits, all under a key that has been rotated; portions of three."""
    reward = a_reward(points, "voucher")
    vouchers.start(reward, "\n".join(CODES).encode(), name="", by="olga", at=NOON)
    with clock.pinned(NOON):
        job_runs.run_waiting(lambda: NOON)
        vouchers.receive(reward, b"LATER-0001", name="", by="olga", at=NOON)
    settings.CODE_KEY, settings.CODE_KEY_FALLBACKS = "another", [settings.CODE_KEY]
    monkeypatch.setattr(rekeying, "CHUNK", 3)
    return reward


def shown() -> list[str]:
    return sorted(codes.reveal(code) for code in Code.objects.all())


def test_all_codes_and_files_are_brought_under_the_present_key(pool: Reward, settings: LazySettings) -> None:
    done = rekeying.renew()
    assert (done.codes, done.files, done.unreadable) == (7, 1, 0)
    settings.CODE_KEY_FALLBACKS = []
    assert shown() == CODES
    batch = CodeBatch.objects.exclude(content=None).get()
    assert batch.content is not None
    assert codes.is_current(bytes(batch.content))
    again = rekeying.renew()
    assert (again.codes, again.files, again.unreadable) == (0, 0, 0)


def test_stopped_in_the_middle_it_goes_on_with_what_is_left(pool: Reward) -> None:
    class Stopped(Exception):
        pass

    def stop(_so_far: rekeying.Renewed) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        rekeying.renew(tell=stop)
    assert sum(codes.is_current(bytes(code.ciphertext)) for code in Code.objects.all()) == 3
    assert rekeying.renew().codes == 4
    assert shown() == CODES


def test_what_no_key_reads_is_left_and_told(pool: Reward, settings: LazySettings) -> None:
    settings.CODE_KEY_FALLBACKS = []
    before = list(Code.objects.order_by("id").values_list("ciphertext", flat=True))
    with pytest.raises(CommandError, match="8 cannot be read"):
        call_command("renew_codes")
    assert list(Code.objects.order_by("id").values_list("ciphertext", flat=True)) == before


def test_the_command_says_when_all_is_done(pool: Reward, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("renew_codes")
    assert capsys.readouterr().out.splitlines()[-2:] == ["7 codes, 1 files", "All are under the present key."]
