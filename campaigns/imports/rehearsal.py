"""A dry run: everything is read and checked as the inbox would check it, and only the report is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from campaigns.imports.composing import Composed, Composer
from campaigns.imports.coverage import unrated
from campaigns.imports.grouping import grouped
from campaigns.imports.lines import LineReader
from campaigns.imports.mapping import Mapping
from campaigns.imports.sending import Sender
from loyalty.base.imports import reading
from loyalty.base.imports.badrows import BadRows
from loyalty.programs.models import Channel

STEP = 500  # groups between two signs of life


def rehearse(
    path: Path,
    mapping: Mapping,
    channel: Channel,
    bad_rows: Path,
    *,
    at: datetime,
    watch: Callable[[int], None],
) -> Counter[str]:
    """Counts of what an import would send and refuse. What is in the inbox already is not looked up."""
    header = reading.header(path, mapping)
    composer, sender = Composer(LineReader(mapping, header)), Sender(channel, channel.code, at=at)
    bad, counts = BadRows(bad_rows, header, delimiter=mapping.delimiter), Counter[str]()
    rows = reading.rows(path, mapping, len(header))
    for number, group in enumerate(grouped(rows, composer.reader.column["order"], len(header))):
        composed = composer.compose(group)
        sender.check_parts(composed, always=True)
        bad.size = bad.add(composed.refused)
        _count(composed, counts)
        counts["unrated"] += unrated(channel.program, composed.sendings)
        if number % STEP == 0:
            watch(counts["rows"])
    watch(counts["rows"])
    return counts


def _count(composed: Composed, counts: Counter[str]) -> None:
    rows = len(composed.group.rows)
    counts["rows"] += rows
    counts["bad_rows"] += len(composed.refused)
    if composed.outcome != "sent":
        counts[f"{composed.outcome}_orders"] += 1
        counts[f"{composed.outcome}_rows"] += rows
    for sending in composed.sendings:
        counts["returns" if sending.is_return else "orders"] += 1
