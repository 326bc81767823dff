"""What runs in processes of its own: opening the shop, and dying at a chosen moment."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from django.test import Client

from campaigns import api, settlement
from loyalty.base import clock
from loyalty.members import members
from tests.api.calls import make_campaign, make_channel, make_key, make_program

PEOPLE = ("ada", "ben", "cleo", "dan")


def open_shop() -> None:
    """A point per euro, four members, and a key, which is printed."""
    program = make_program()
    channel = make_channel(program)
    make_campaign(program)
    for name in PEOPLE:
        members.register(program, {"external_id": name}, channel=channel, at=clock.now())
    sys.stdout.write(make_key(channel, rate_per_minute=1_000_000)[1])


def die(*args: Any, **kwargs: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def post_and_die_before_waking(key: str, event: dict[str, Any]) -> None:
    """The event is committed; the process ends before it can tell anybody."""
    setattr(api, "wake", die)  # noqa: B010  a module's import, replaced
    _post("/api/v1/events", event, key)


def sell_and_die_before_commit(key: str, sale: dict[str, Any], idempotency_key: str) -> None:
    """Everything of the sale is written, and the process ends before its commit."""
    write = settlement.Settlement.write

    def write_and_die(self: settlement.Settlement) -> None:
        write(self)
        die()

    setattr(settlement.Settlement, "write", write_and_die)  # noqa: B010
    _post("/api/v1/transactions/accrue", sale, key, idempotency_key=idempotency_key)


def _post(path: str, body: object, key: str, **headers: str) -> None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = {"Authorization": f"Bearer {key}", "Host": "127.0.0.1", **named}
    Client().post(path, body, content_type="application/json", headers=sent)
