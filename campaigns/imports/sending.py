"""A chunk's events into the inbox and out of it again: received as from any channel, processed at once, in the order in
which they occurred."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction

from campaigns import earning, inbox
from campaigns.imports.composing import Composed, Sending, faults_of, in_time
from loyalty.base.errors import Busy, LaurelError
from loyalty.base.imports.badrows import Refused
from loyalty.events import intake, reasons
from loyalty.events.models import Event
from loyalty.events.payloads import Reader
from loyalty.programs.models import Channel

BATCH = 250  # events processed together
PATIENCE = 20  # events in a row that may fail

Due = tuple[UUID, str]  # an event to be processed, and the order that it is about
Thing = TypeVar("Thing")

logger = logging.getLogger(__name__)


class Sender:
    """Sends for one channel under one source."""

    def __init__(self, channel: Channel, source: str, *, at: datetime) -> None:
        self.channel, self.source, self.at = channel, source, at
        self._reader = Reader(channel, at, source=source)
        self._failed_in_a_row = 0

    def check_parts(self, composed: Composed, *, always: bool = False) -> None:
        """An order that makes several events is sent whole or not at all, so all are read before one is sent."""
        if len(composed.sendings) > 1 or always:
            faults = [fault for one in composed.sendings for fault in self._faults(one)]
            if faults:
                composed.refuse(faults)

    def _faults(self, sending: Sending) -> list[Refused]:
        try:
            late = self._reader.read(sending.item).late
        except LaurelError as wrong:
            return faults_of(sending, wrong)
        return faults_of(sending, late) if late else []

    def send(self, chunk: Sequence[Composed], counts: Counter[str], waited: Sequence[UUID]) -> list[Refused]:
        """Receive and process; the refused rows of the whole chunk. `waited` are events that became due meanwhile."""
        owner = {id(sending): one for one in chunk for sending in one.sendings}
        sendings = in_time(sending for one in chunk for sending in one.sendings)
        due: list[Due] = []
        for part in _batches(sendings, intake.MAX_BATCH):
            items = [sending.item for sending in part]
            receipts = intake.receive(self.channel, items, at=self.at, source_default=self.source)
            for sending, receipt in zip(part, receipts, strict=True):
                if receipt.fault:
                    owner[id(sending)].refuse(faults_of(sending, receipt.fault))
                elif receipt.duplicate:
                    counts["known"] += 1
                else:
                    counts["returns" if sending.is_return else "orders"] += 1
                    counts["guest_events"] += receipt.status == Event.Status.GUEST
                    assert receipt.event_id is not None
                    due.append((receipt.event_id, sending.item["data"].get("order_id", "")))
        self._process(_in_time([*waited, *(event_id for event_id, _ in due)]) if waited else due, counts)
        return [refused for one in chunk for refused in one.refused]

    def _process(self, due: Iterable[Due], counts: Counter[str]) -> None:
        for part in _rounds(due):
            try:
                with transaction.atomic():
                    earning.process(part, at=self.at)
            except (Busy, OperationalError, InterfaceError):
                raise
            except Exception:
                logger.warning("a batch of an import failed and is processed one by one", exc_info=True)
                for event_id in part:
                    self._alone(event_id, counts)

    def _alone(self, event_id: UUID, counts: Counter[str]) -> None:
        """An event that cannot be processed stays in the inbox, where staff see why; the others go on, unless it is not
        the events that are to blame. Raises RuntimeError then."""
        try:
            with transaction.atomic():
                earning.process([event_id], at=self.at)
        except (Busy, OperationalError, InterfaceError):
            raise
        except Exception as wrong:
            logger.exception("an event of an import failed")
            inbox.record_failure(event_id, error=reasons.kept(wrong), at=self.at)
            counts["failed"] += 1
            self._failed_in_a_row += 1
            if self._failed_in_a_row >= PATIENCE:
                words = f"{PATIENCE} events in a row could not be processed, the last one: {wrong}"
                raise RuntimeError(words) from wrong
        else:
            self._failed_in_a_row = 0


def _in_time(event_ids: Sequence[UUID]) -> list[Due]:
    found = Event.objects.filter(pk__in=event_ids).order_by("occurred_at", "pk")
    return list(found.values_list("pk", "order_reference"))


def _rounds(due: Iterable[Due]) -> Iterator[list[UUID]]:
    """Events to be processed together. Of each order only one is taken at a time, and the rest would come after
    everything else of the batch; a member's later events must not overtake them, so there the batch ends."""
    batch: list[UUID] = []
    references: set[str] = set()
    for event_id, reference in due:
        if len(batch) >= BATCH or reference in references:
            yield batch
            batch, references = [], set()
        batch.append(event_id)
        references |= {reference} if reference else set()
    if batch:
        yield batch


def _batches(things: Iterable[Thing], size: int) -> Iterable[list[Thing]]:
    rest = iter(things)
    while part := list(islice(rest, size)):
        yield part
