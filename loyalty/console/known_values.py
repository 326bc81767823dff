"""Values to choose from in conditions: those the program has, and those that came in lately."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from loyalty.conditions.fields import FieldType, Schema
from loyalty.events.models import Event
from loyalty.members.models import Member
from loyalty.programs.models import Channel, Program

LATEST = 200
MOST = 25
_OF_LINE = ("category", "brand", "sku", "name")
_OF_ORDER = ("store", "payment_method")


def known_values(program: Program, schema: Schema) -> dict[str, list[tuple[str, str]]]:
    """By field name: (value, where it is known from), the most frequent first. For suggestions only."""
    found: dict[str, list[tuple[str, str]]] = {
        "channel.code": list(Channel.objects.filter(program=program).values_list("code", "name")),
        "channel.kind": [(code, str(label)) for code, label in Channel.Kind.choices],
    }
    tiers = Member.objects.filter(program=program).exclude(tier_code="").order_by("-pk")[:2000]
    found["member.tier"] = sorted(set(tiers.values_list("tier_code", "tier_name")))
    orders = (
        Event.objects.filter(program=program, type="order.completed")
        .order_by("-pk")
        .values_list("payload", flat=True)
    )
    payloads = list(orders[:LATEST])
    for name, counter in _counted(payloads).items():
        found[name] = [(value, _share(times, len(payloads))) for value, times in counter.most_common(MOST)]
    texts = {
        field.name for field in schema if field.type in (FieldType.TEXT, FieldType.CHOICE, FieldType.SET)
    }
    return {name: values for name, values in found.items() if values and name in texts}


def _counted(payloads: Iterable[dict[str, Any]]) -> dict[str, Counter[str]]:
    counters: dict[str, Counter[str]] = {}
    for payload in payloads:
        for name, value in set(_values(payload)):
            counters.setdefault(name, Counter())[value] += 1
    return counters


def _values(payload: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in _OF_ORDER:
        if value := payload.get(name):
            yield f"order.{name}", str(value)
    for line in payload.get("lines") or ():
        for name in _OF_LINE:
            if value := line.get(name):
                yield f"item.{name}", str(value)


def _share(times: int, orders: int) -> str:
    return f"{100 * times // orders}% of recent orders" if orders else ""
