"""What the callers of the shop ask for: take a reward, change what was taken, how many points there are."""

from __future__ import annotations

from typing import Any

from tests.api.calls import Answer, Caller, read
from tests.rewards_api.shelf import ADDRESS

CLAIM: dict[str, Any] = {"member": "ext:ana"}
MUG: dict[str, Any] = {"member": "ext:ana", "option": "white", "details": ADDRESS}


def claim(shop: Caller, code: str = "five-off", key: str = "k", **more: Any) -> Answer:
    return shop.post(f"/offers/{code}/claim", {**CLAIM, **more}, Idempotency_Key=key)


def act(shop: Caller, row: object, verb: str, key: str = "a", **body: object) -> Answer:
    return shop.post(f"/redemptions/{row}/{verb}", body, Idempotency_Key=key)


def available(shop: Caller) -> int:
    return int(read(shop.get("/members/ext:ana/balances"))["balances"][0]["available"])
