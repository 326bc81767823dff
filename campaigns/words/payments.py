"""What became of the points that an order was paid with, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext

from campaigns.words.phrases import Voice


def paid(detail: Mapping[str, Any], voice: Voice) -> list[str]:
    """A sentence for each payment of a trace, without full stop."""
    return [sentence(one, voice) for one in detail.get("payments", ())]


def came_back(detail: Mapping[str, Any], voice: Voice) -> list[str]:
    """The same of what the member has got back, and nothing else."""
    back = [one for one in detail.get("payments", ()) if one["outcome"] in ("given_back", "released")]
    return [sentence(one, voice) for one in back]


def sentence(payment: Mapping[str, Any], voice: Voice) -> str:
    """`500 points that were reserved paid for this order`"""
    if payment["outcome"] == "unknown":
        return gettext("The redemption that the order names is not one of this member's payments")
    name = voice.name_of(payment["point_type"])
    told = {"points": name.units(payment["points"])}
    if payment["outcome"] == "taken_again":
        return _taken_again(payment, told["points"], name.units(payment["missing"]))
    patterns = {
        "paid": gettext("%(points)s paid for this order"),
        "captured": gettext("%(points)s that were reserved paid for this order"),
        "released": gettext("%(points)s that were reserved for this order were released"),
        "given_back": gettext("%(points)s that had paid for this order came back"),
        "withdrawn": gettext("The %(points)s that the order names had been given back before"),
        "of_another_order": gettext("The %(points)s that the order names paid for another order"),
    }
    return patterns[payment["outcome"]] % told


def _taken_again(payment: Mapping[str, Any], points: str, missing: str) -> str:
    told = {"points": points, "missing": missing}
    if not payment["missing"]:
        return gettext("The reservation had lapsed; %(points)s were taken anew") % told
    if not payment["points"]:
        return gettext("The reservation had lapsed, and its %(missing)s were used otherwise") % told
    return (
        gettext("The reservation had lapsed; %(points)s were taken anew, %(missing)s were used otherwise")
        % told
    )
