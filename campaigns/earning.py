"""From the inbox to the ledger: the loop that every worker runs, and the same for one event while a till waits.

Nothing here lives outside the database. A worker that dies holds row locks and nothing else; the events are claimed
again by whoever looks next.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction

from campaigns import inbox
from campaigns.batch import Batch, Outcome
from campaigns.inbox import ORDER_FOLLOW_UPS, Claimed
from campaigns.models import Trace
from loyalty.base import clock
from loyalty.base.errors import Busy, Conflict, NotFound
from loyalty.base.locking import is_lost, retrying
from loyalty.events import reasons
from loyalty.events.models import Event

logger = logging.getLogger(__name__)

BATCH = 200


def drain(*, limit: int = BATCH, most: int | None = None) -> int:
    """Process due events until none is left (or `most` were looked at); how many were taken up.

    Safe to run anywhere, any number of times at once.
    """
    taken = 0
    while most is None or taken < most:
        found = step(limit=limit, at=clock.now())
        if not found:
            break
        taken += found
    return taken


def sweep() -> int:
    """What beat runs: also wakes events that wait for an order which came at the very same moment."""
    inbox.wake_overlooked(at=clock.now())
    return drain()


def step(*, limit: int, at: datetime) -> int:
    """One batch; how many events were taken up. What failed together is processed one by one."""
    try:
        return _together(limit, at=at)
    except Busy:
        raise
    except Exception as wrong:
        if is_lost(wrong):
            connection.close()  # the next statement makes a new one, or says that the server is away
        logger.warning("a batch failed and is processed one by one", exc_info=True)
    with transaction.atomic():
        ids = [event.id for event in inbox.claim(limit, at=at)]
    for event_id in ids:
        _alone(event_id, at=at)
    return len(ids)


@retrying
def _together(limit: int, *, at: datetime) -> int:
    with transaction.atomic():
        return _process(inbox.claim(limit, at=at), at=at, wait=False)[1]


def process(event_ids: Collection[UUID], *, at: datetime) -> list[Outcome]:
    """These events, as far as they are due, in one transaction; waits for whoever holds them."""
    with transaction.atomic():
        return _process(inbox.claim_these(event_ids), at=at, wait=True)[0]


@retrying
def process_now(event_id: UUID, *, at: datetime | None = None) -> Outcome:
    """Process one event while its sender waits; what was decided before is answered again.

    Raises Busy when its member is held by somebody else for more than 3 s. An event that cannot be processed stays
    in the inbox, and its failure is counted.
    """
    at = at or clock.now()
    try:
        outcomes = process([event_id], at=at)
    except (Busy, OperationalError, InterfaceError):
        raise
    except Exception as wrong:
        logger.exception("an event failed")
        _fail(event_id, wrong, at=at)
        outcomes = []
    return outcomes[0] if outcomes else decided(event_id)


def decided(event_id: UUID) -> Outcome:
    """What is known of an event: its state, and its trace when it has one. Raises NotFound."""
    event = Event.objects.filter(pk=event_id).first()
    if event is None:
        raise NotFound("There is no such event.")
    detail: dict[str, Any] = (
        Trace.objects.filter(event_id=event_id).values_list("detail", flat=True).first() or {}
    )
    return Outcome(
        event.pk, event.member_id, event.status, dict(detail.get("points", {})), detail, event.error
    )


def retry(event: Event, *, at: datetime) -> None:
    """Give a failed event five more attempts, from now. Raises Conflict unless it has failed."""
    changed = Event.objects.filter(pk=event.pk, status=Event.Status.FAILED).update(
        status=Event.Status.RECEIVED, attempts=0, next_attempt_at=at, error=""
    )
    if not changed:
        raise Conflict("Only a failed event can be tried again.", code="event_not_failed")


def _process(events: list[Claimed], *, at: datetime, wait: bool) -> tuple[list[Outcome], int]:
    """Rate what can be rated now, and put back the rest. The outcomes, and how many events were taken up."""
    _whose(events)
    ready, deferred = _one_per_order(events)
    members = inbox.lock_members({event.member_id for event in ready if event.member_id}, wait=wait)
    free = [event for event in ready if event.member_id is None or event.member_id in members]
    busy = [event.id for event in ready if event.member_id and event.member_id not in members]
    inbox.put_back(busy, until=inbox.retry_later(at))
    outcomes = Batch(free, members, at=at).run() if free else []
    return outcomes, len(free) + len(busy) + len(deferred)


def _whose(events: list[Claimed]) -> None:
    """What follows an order may leave its member out: it is the order's."""
    keys = {(e.program_id, e.order_reference) for e in events if e.member_id is None and e.order_reference}
    owners = inbox.members_of_orders(keys)
    for event in events:
        if event.member_id is None:
            event.member_id = owners.get((event.program_id, event.order_reference))


def _one_per_order(events: list[Claimed]) -> tuple[list[Claimed], list[Claimed]]:
    """The first event of each order, and those that must see what it writes: further events of the order, and
    whatever its member did after them, so that nothing overtakes."""
    seen: set[tuple[int, str]] = set()
    held_up: set[UUID] = set()
    ready: list[Claimed] = []
    deferred: list[Claimed] = []
    for event in sorted(events, key=lambda one: (one.occurred_at, one.type in ORDER_FOLLOW_UPS, one.id)):
        key = (event.program_id, event.order_reference)
        if (event.order_reference and key in seen) or event.member_id in held_up:
            deferred.append(event)
            if event.member_id is not None:
                held_up.add(event.member_id)
        else:
            ready.append(event)
            seen.add(key)
    return ready, deferred


def _alone(event_id: UUID, *, at: datetime) -> None:
    try:
        retrying(process)([event_id], at=at)
    except Busy:
        inbox.put_back([event_id], until=inbox.retry_later(at))
    except Exception as wrong:
        if is_lost(wrong):
            raise  # the database is away: that is nobody's fault, and nothing is lost
        logger.exception("an event failed")
        _fail(event_id, wrong, at=at)


def _fail(event_id: UUID, wrong: Exception, *, at: datetime) -> None:
    inbox.record_failure(event_id, error=reasons.kept(wrong), at=at)
