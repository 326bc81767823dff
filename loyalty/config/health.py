"""/healthz: this process lives. /readyz: it can do its work, part by part."""

import time
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Min
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis.backoff import NoBackoff
from redis.retry import Retry

from loyalty.base import clock
from loyalty.base.models import Heartbeat
from loyalty.events.models import Event
from loyalty.ledger.proof import last_verdict

SILENT_AFTER_SECONDS = 60
BROKER_SECONDS = 2

Part = dict[str, Any]
Probe = Callable[[datetime], Part]


@lru_cache(maxsize=1)
def _broker() -> redis.Redis:
    limit = BROKER_SECONDS
    once = Retry(NoBackoff(), 0)
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=limit, socket_connect_timeout=limit, retry=once
    )


@lru_cache(maxsize=1)
def _known_migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def _database(at: datetime) -> Part:
    started = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return {"milliseconds": round((time.perf_counter() - started) * 1000, 1)}


def _migrations(at: datetime) -> Part:
    missing = _known_migrations() - set(MigrationRecorder(connection).applied_migrations())
    return {"status": "pending" if missing else "ok", "pending": len(missing)}


def _broker_part(at: datetime) -> Part:
    started = time.perf_counter()
    _broker().ping()
    return {"milliseconds": round((time.perf_counter() - started) * 1000, 1)}


def _events(at: datetime) -> Part:
    """Age of the oldest event that is due and not yet processed."""
    due = Event.objects.filter(status=Event.Status.RECEIVED, next_attempt_at__lte=at)
    oldest = due.aggregate(oldest=Min("next_attempt_at"))["oldest"]
    return {"oldest_unprocessed_seconds": int((at - oldest).total_seconds()) if oldest else 0}


def _scheduler(at: datetime) -> Part:
    """Age of the last turn of the scheduler that a worker has done."""
    last = Heartbeat.objects.filter(name="beat").first()
    if last is None:
        return {"status": "silent", "seconds_since_last_turn": None}
    age = int((at - last.at).total_seconds())
    return {"status": "ok" if age < SILENT_AFTER_SECONDS else "silent", "seconds_since_last_turn": age}


def _books(at: datetime) -> Part:
    """The last proof of the whole installation. Which rows break it stands in the admin, for staff."""
    last = last_verdict()
    if last is None or last.finished_at is None:
        return {"status": "not_checked_yet", "seconds_since_last_check": None, "breaches": None}
    return {
        "status": "ok" if last.result["ok"] else "broken",
        "seconds_since_last_check": int((at - last.finished_at).total_seconds()),
        "breaches": len(last.result["breaches"]),
    }


NEEDED: dict[str, Probe] = {"database": _database, "broker": _broker_part}
INFORMATIVE: dict[str, Probe] = {
    "migrations": _migrations,
    "events": _events,
    "scheduler": _scheduler,
    "books": _books,
}


def _ask(probe: Probe, at: datetime) -> Part:
    try:
        return {"status": "ok", **probe(at)}
    except (DatabaseError, redis.RedisError) as error:
        # The class only: the message may name hosts and accounts, and anybody may read this.
        return {"status": "failing", "error": type(error).__name__}


@never_cache
@require_safe
def alive(request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers at all. Asks nobody else, so a broken database restarts no web server."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 with the status of each part; 503 when the database or the broker fails."""
    at = clock.now()
    parts = {name: _ask(probe, at) for name, probe in NEEDED.items()}
    failing = any(part["status"] != "ok" for part in parts.values())
    if not failing:
        # Each of them would wait for the same thing that is missing.
        parts |= {name: _ask(probe, at) for name, probe in INFORMATIVE.items()}
    body = {"status": "failing" if failing else "ok", "parts": parts}
    return JsonResponse(body, status=503 if failing else 200)
