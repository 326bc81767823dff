"""What an import tells its operator at the end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_COUNTS = (
    ("rows", "rows read"),
    ("orders", "orders taken in"),
    ("returns", "returns taken in"),
    ("known", "events known already, without effect"),
    ("members", "members enrolled"),
    ("guest_events", "events that wait for their member"),
    ("guest_orders", "orders without a member, left out"),
    ("guest_rows", "rows of these"),
    ("skipped_orders", "orders left out by prefix"),
    ("refused_orders", "orders refused"),
    ("failed", "events that could not be processed; see the inbox"),
    ("out_of_time", "events that came after later ones"),
    ("bad_rows", "rows in the report"),
)
_POINTS = (
    ("earned", "earned"),
    ("taken_back", "taken back by returns"),
    ("forgiven", "of these forgiven"),
    ("already_expired", "of these expired before"),
    ("expired", "expired, in the whole program"),
    ("owed", "owed"),
    ("balance", "balance"),
)


def summary(
    counts: Mapping[str, int],
    bad_rows: Path | None,
    points: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """Lines for people; what did not happen is left out, but for the first three."""
    always = {"rows", "orders", "returns"}
    lines = [
        f"{counts.get(name, 0):>12,} {words}" for name, words in _COUNTS if name in always or counts.get(name)
    ]
    if counts.get("unrated"):
        lines.append(_unrated(counts))
    if bad_rows and counts.get("bad_rows"):
        lines.append(f"Refused rows and their reasons: {bad_rows}")
    for code, sums in (points or {}).items():
        lines.append(f"Points ({code}):")
        lines += [f"{_grouped(sums[name]):>12} {words}" for name, words in _POINTS]
    return "\n".join(lines)


def _unrated(counts: Mapping[str, int]) -> str:
    """Plainly, as an import that earns nothing looks like one that works."""
    whole = sum(counts.get(name, 0) for name in ("orders", "returns", "known"))
    some = (
        "the dates of this file"
        if counts["unrated"] >= whole
        else f"the dates of {counts['unrated']:,} of these"
    )
    return (
        f"No campaign is in force on {some}: they earn nothing. Publish one whose effective_from is before them, "
        "before you import."
    )


def _grouped(number: str) -> str:
    whole, dot, part = number.partition(".")
    return f"{int(whole):,}{dot}{part}"
