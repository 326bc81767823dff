"""Identifiers, errors with codes, and the register that upper apps fill."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import RFC_4122, UUID

import pytest

from loyalty.base import ids
from loyalty.base.errors import Busy, FieldError, Invalid, LaurelError, NotFound, TooMany
from loyalty.base.registry import Registry


def test_ids_are_version_7_of_this_moment() -> None:
    before = time.time_ns() // 1_000_000
    made = ids.uuid7()
    assert (made.version, made.variant) == (7, RFC_4122)
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000 + 1
    assert UUID(str(made)) == made
    assert hash(UUID(str(made))) == hash(made)


def test_ids_of_a_process_rise_even_within_a_millisecond() -> None:
    made = [ids.uuid7() for _ in range(20_000)]
    assert made == sorted(set(made))


def test_ids_rise_when_the_clock_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    first = ids.uuid7()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert ids.uuid7() > first


def test_threads_never_share_an_id() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = [
            one for many in pool.map(lambda _: [ids.uuid7() for _ in range(2_000)], range(8)) for one in many
        ]
    assert len(set(made)) == 16_000


def test_a_child_forked_while_an_id_is_made_can_make_its_own() -> None:
    with ids._lock:  # as another thread would hold it
        child = os.fork()
        if child == 0:
            ids.uuid7()
            os._exit(0)
    assert _ended_within(child, seconds=5)


def _ended_within(child: int, *, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if os.waitpid(child, os.WNOHANG)[0] == child:
            return True
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def test_an_id_can_carry_another_instant() -> None:
    at = datetime(2020, 1, 1, tzinfo=UTC)
    made = ids.uuid7(at)
    assert made.int >> 80 == int(at.timestamp() * 1000)
    assert made != ids.uuid7(at)
    assert ids.uuid7(datetime(1900, 1, 1, tzinfo=UTC)).int >> 80 == 0


def test_only_the_usual_form_is_an_id() -> None:
    made = str(ids.uuid7())
    assert ids.is_uuid(made)
    for other in [
        made.replace("-", ""),
        f"{{{made}}}",
        made + "\n",
        f"urn:uuid:{made}",
        made[:-1] + "g",
        None,
        5,
    ]:
        assert not ids.is_uuid(other)


def test_an_error_has_the_code_of_its_class_unless_told() -> None:
    assert (NotFound().status, NotFound().code, NotFound().detail) == (404, "not_found", "Not found")
    refused = Invalid("Too few.", code="points_missing", extra={"available": 5})
    assert (refused.code, refused.status, refused.extra) == ("points_missing", 422, {"available": 5})
    assert Invalid.code == "invalid"
    assert str(refused) == "Too few."
    assert refused.at_path("/points") == FieldError("/points", "points_missing", "Too few.")


def test_an_error_of_one_field_names_it() -> None:
    refused = Invalid.field("/a", "missing", "Give a.")
    assert refused.errors == [FieldError("/a", "missing", "Give a.")]
    assert refused.code == "missing"


def test_every_error_has_its_own_code_and_a_status_of_its_kind() -> None:
    kinds = {kind for kind in _all_errors(LaurelError) if kind.__module__ == "loyalty.base.errors"}
    named = [kind for kind in kinds if not kind.__name__.startswith("_")]
    assert len({kind.code for kind in named}) == len({kind.status for kind in named}) == len(named) == 12


def _all_errors(kind: type[LaurelError]) -> set[type[LaurelError]]:
    below = set(kind.__subclasses__())
    return below.union(*(_all_errors(one) for one in below))


def test_passing_trouble_says_when_to_come_back() -> None:
    assert TooMany(retry_after=30).retry_after == 30
    assert Busy().retry_after == 1


def test_a_register_keeps_its_order_and_refuses_doubles() -> None:
    steps: Registry[str] = Registry("nightly step")
    steps.register("tiers", "T", order=30)
    steps.register("activate", "A", order=10)
    steps.register("tiers again", "T2", order=30)
    assert list(steps) == ["A", "T", "T2"]
    assert steps.names() == ["activate", "tiers", "tiers again"]
    assert (steps["activate"], steps.get("expire"), "tiers" in steps, len(steps)) == ("A", None, True, 3)
    with pytest.raises(ValueError, match="nightly step 'tiers'"):
        steps.register("tiers", "X")
    assert steps["tiers"] == "T"
