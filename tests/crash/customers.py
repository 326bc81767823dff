"""Tills that call without pause, repeat what was not acknowledged, and remember what was."""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event, Thread

from tests.crash.house import Answer, House, Json
from tests.crash.opening import PEOPLE

REDEEMED = 100
GIVE_UP_SECONDS = 120


class Till:
    """One client thread. `owed` is what each member must have in the end; `sent` counts what was acknowledged."""

    def __init__(self, house: House, number: int, seed: int, stop: Event) -> None:
        self.house = house
        self.name = f"till-{number}"
        self.chance = random.Random(f"{seed}-{number}")
        self.stop = stop
        self.numbers = itertools.count(1)
        self.owed: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.sold: list[tuple[str, str, int]] = []  # order, member, points
        self.thread = Thread(target=self._work, name=self.name)

    def _work(self) -> None:
        acts = [self.single, self.waited, self.batch, self.redeem, self.take_back, self.sale, self.repeat]
        try:
            while not self.stop.is_set():
                self.chance.choice(acts)()
        except Exception as wrong:  # noqa: BLE001  a thread's failure must reach the test
            self.wrong.append(repr(wrong))

    def single(self) -> None:
        event, member, points = self.order()
        self.until_acknowledged("/events", event, lambda body: body["id"] == event["id"])
        self.count_order(event, member, points)

    def waited(self) -> None:
        """At once with what it gave; or, where that could not be had just now, kept for the workers."""
        event, member, points = self.order()

        def is_true(body: Json) -> bool:
            return body["status"] == "received" or (body["status"], body["points"]) == (
                "processed", {"points": points}
            )  # fmt: skip

        self.until_acknowledged("/events", event, is_true, Prefer="wait")
        self.count_order(event, member, points)

    def batch(self) -> None:
        made = [self.order() for _ in range(self.chance.randint(2, 6))]
        self.until_acknowledged(
            "/events/batch", {"events": [event for event, _, _ in made]}, lambda body: body["refused"] == 0
        )
        for event, member, points in made:
            self.count_order(event, member, points)

    def sale(self) -> None:
        number, member, points = (
            f"{self.name}-sale-{next(self.numbers)}",
            self.somebody(),
            self.chance.randint(1, 50),
        )
        sale = {"member": f"ext:{member}", "amount": f"{points}.00", "order_id": number}
        self.until_acknowledged(
            "/transactions/accrue",
            sale,
            lambda body: body["points"] == {"points": points},
            Idempotency_Key=number,
        )
        self.owed[member] += points
        self.sent["events"] += 1
        self.sent["earn"] += 1

    def redeem(self) -> None:
        number, member = f"{self.name}-redeem-{next(self.numbers)}", self.somebody()
        body = {"member": f"ext:{member}", "points": REDEEMED, "reference": number}
        self.until_acknowledged(
            "/transactions/redeem", body, lambda answer: answer["points"] == REDEEMED, Idempotency_Key=number
        )
        self.owed[member] -= REDEEMED
        self.sent["redeem"] += 1

    def take_back(self) -> None:
        if not self.sold:
            return
        order, member, points = self.sold.pop()
        event = self.event("order.returned", {"order_id": order})
        self.until_acknowledged("/events", event, lambda body: body["id"] == event["id"])
        self.owed[member] -= points
        self.sent["events"] += 1
        self.sent["reverse"] += 1

    def repeat(self) -> None:
        """The same event twice: the second time it is the first one's answer."""
        event, member, points = self.order()
        for _ in range(2):
            self.until_acknowledged("/events", event, lambda body: body["id"] == event["id"])
        self.count_order(event, member, points)

    def order(self) -> tuple[Json, str, int]:
        number, member, points = (
            f"{self.name}-{next(self.numbers)}",
            self.somebody(),
            self.chance.randint(1, 50),
        )
        lines = [{"sku": "BEANS", "unit_price": f"{points}.00"}]
        data = {"order_id": number, "currency": "EUR", "lines": lines}
        return self.event("order.completed", data) | {"member": f"ext:{member}"}, member, points

    def event(self, kind: str, data: Json) -> Json:
        number = f"{self.name}-event-{next(self.numbers)}"
        return {"id": number, "type": kind, "occurred_at": datetime.now(UTC).isoformat(), "data": data}

    def count_order(self, event: Json, member: str, points: int) -> None:
        self.owed[member] += points
        self.sent["events"] += 1
        self.sent["earn"] += 1
        self.sold.append((event["data"]["order_id"], member, points))

    def somebody(self) -> str:
        return self.chance.choice(PEOPLE)

    def until_acknowledged(
        self, path: str, body: Json, is_true: Callable[[Json], bool], **headers: str
    ) -> None:
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while time.monotonic() < deadline:
            answer = self.house.send(path, body, **headers)
            self.answers[f"{answer.status} {answer.body.get('code', '')}".strip()] += 1
            if 200 <= answer.status < 300:
                if not is_true(answer.body):
                    self.wrong.append(f"{path} was acknowledged with {_gist(answer.body)}")
                return
            if not passing(answer):
                self.wrong.append(f"{path} was answered {answer}")
                return
            time.sleep(self.chance.uniform(0.05, 0.3))
        self.wrong.append(f"{path} was not acknowledged in {GIVE_UP_SECONDS} s")


def passing(answer: Answer) -> bool:
    """Whether the caller is right to come back: no connection, busy, or the first try is still at work."""
    return answer.status in (0, 503) or answer.body.get("code") == "idempotency_key_in_progress"


def _gist(body: Json) -> Json:
    return {name: body[name] for name in ("id", "status", "duplicate", "points", "results") if name in body}
