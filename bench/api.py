"""The API under load: what keys, limits, strict reading and once-only intake cost against the barest endpoints of the
same server, and how long a balance takes while the worker is busy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from bench import harness, load
from bench.harness import Row
from loyalty.config.embedded import valkey
from loyalty.config.embedded.state import server_account

PORT, BARE_PORT = 8971, 8972
MEMBERS = 2_000
ROUNDS = 3
CONNECTIONS = 16
SINGLE_WANTED, READ_WANTED, BATCH_WANTED = 0.5, 0.6, 8.0


def main(*, quick: bool = False) -> None:
    """Print requests a second of intake and reads, and events a second of batches."""
    seconds = 2.0 if quick else 6.0
    singles: list[load.Load] = []
    bare_singles: list[load.Load] = []
    batches: list[load.Load] = []
    reads: list[load.Load] = []
    bare_reads: list[load.Load] = []
    busy: list[load.Load] = []
    bare_busy: list[load.Load] = []
    with harness.database("bench_api"), _broker():
        key, members = _fill()
        read = [load.get(f"/members/{member}/balances", key) for member in members * 20]
        with _server("loyalty.config.settings", PORT), _server("bench.bare_settings", BARE_PORT):
            for turn in range(ROUNDS):  # in turns, as a shared machine is now quick, now slow
                events = [_event(key, f"s{turn}-{n}", n) for n in range(20_000)]
                singles.append(_measure(PORT, events, seconds))
                bare_singles.append(_measure(BARE_PORT, events, seconds))
                batches.append(_measure(PORT, [_batch(key, turn, n) for n in range(200)], seconds))
                reads.append(_measure(PORT, read, seconds))
                bare_reads.append(_measure(BARE_PORT, read, seconds))
            with _worker():
                for _ in range(ROUNDS):
                    busy.append(_measure(PORT, read, seconds, connections=64))
                    bare_busy.append(_measure(BARE_PORT, read, seconds, connections=64))
    single, plain = _speed(singles), _speed(bare_singles)
    harness.table(
        "API, 16 connections",
        [
            Row("POST /events against one bare insert", single, plain, "requests/s", SINGLE_WANTED),
            Row(
                "batches of 500 against single events",
                500 * _speed(batches),
                single,
                "events/s",
                BATCH_WANTED,
            ),
            Row(
                "GET balances against one bare read",
                _speed(reads),
                _speed(bare_reads),
                "requests/s",
                READ_WANTED,
            ),
        ],
    )
    slowest = [max(one.p99 for one in measured) for measured in (singles, reads)]
    print(f"  single intake p99 {slowest[0]:.0f} ms, balances p99 {slowest[1]:.0f} ms")
    waited = harness.typical([one.p99 for one in busy])
    print("  balances, 64 connections, worker busy:")
    print(f"    ours {_latencies(busy)} (wanted 100: {'ok' if waited < 100 else 'MISSED'})")
    print(f"    one bare read {_latencies(bare_busy)}")


def _latencies(measured: list[load.Load]) -> str:
    """The typical ones of some rounds, and the rounds."""
    p50, p99 = (
        harness.typical(figures) for figures in zip(*((one.p50, one.p99) for one in measured), strict=True)
    )
    rounds = ", ".join(f"{one.p99:.0f}" for one in measured)
    return f"p50 {p50:.0f} ms, p99 {p99:.0f} ms ({rounds})"


def _speed(measured: list[load.Load]) -> float:
    return harness.typical([one.per_second for one in measured])


def _fill() -> tuple[str, list[str]]:
    from bench.processing import _campaigns
    from campaigns import earning
    from loyalty.base import clock
    from loyalty.events import intake
    from loyalty.members import members
    from loyalty.programs import credentials, programs
    from loyalty.programs.models import Channel, Scope

    at = clock.now() - timedelta(days=60)
    program = programs.create(code="bench", name="Bench", currency="GBP", timezone="Europe/London", at=at)
    _campaigns(program, at)
    channel = Channel.objects.create(program=program, code="shop", name="Shop", created_at=at)
    found = [
        members.register(program, {"external_id": f"m{n}"}, channel=channel, at=at)[0] for n in range(MEMBERS)
    ]
    for start in range(0, 4 * MEMBERS, 500):
        items = [json.loads(_event_body(f"f{n}", n)) for n in range(start, start + 500)]
        intake.receive(channel, items, at=clock.now())
    earning.drain()
    _, secret = credentials.issue(
        channel, name="bench", scopes=[scope.value for scope in Scope], at=at, rate_per_minute=100_000_000
    )
    harness.settle()
    return secret, [str(member.pk) for member in found]


def _event_body(name: str, number: int) -> str:
    from loyalty.base import clock

    at = (clock.now() - timedelta(hours=1)).isoformat()
    lines = [
        {
            "sku": f"s{number % 97 + n}",
            "category": "coffee",
            "quantity": n,
            "unit_price": f"{number % 50 + n}.50",
        }
        for n in (1, 2, 3)
    ]
    data = {"order_id": f"o-{name}", "currency": "GBP", "lines": lines}
    return json.dumps(
        {
            "id": name,
            "type": "order.completed",
            "occurred_at": at,
            "member": f"ext:m{number % MEMBERS}",
            "data": data,
        }
    )


def _event(key: str, name: str, number: int) -> str:
    return load.post("/events", key, _event_body(name, number))


def _batch(key: str, turn: int, number: int) -> str:
    events = ",".join(_event_body(f"x{turn}-{number}-{n}", n) for n in range(500))
    return load.post("/events/batch", key, f'{{"events":[{events}]}}')


def _measure(port: int, requests: list[str], seconds: float, *, connections: int = CONNECTIONS) -> load.Load:
    load.run(port, requests[:200], connections=connections, seconds=1)  # warm
    measured = load.run(
        port,
        requests[200:] if len(requests) > 400 else requests[20:],
        connections=connections,
        seconds=seconds,
    )
    assert not measured.refused, f"{measured.refused} requests were refused"
    return measured


@contextmanager
def _worker() -> Iterator[None]:
    """A worker that goes through the inbox meanwhile, as Celery would have it."""
    code = (
        "import django; django.setup()\n"
        "from campaigns import earning\n"
        "from loyalty.config import celery\n"
        "celery.let_the_web_go_first(); celery.keep_what_is_loaded(); earning.drain()"
    )
    worker = subprocess.Popen([sys.executable, "-c", code], env=harness.environment())
    try:
        time.sleep(2)
        yield
        assert worker.poll() is None, "the worker had nothing left to do"
    finally:
        worker.kill()
        worker.wait()


@contextmanager
def _broker() -> Iterator[None]:
    """A Valkey of our own to count requests in."""
    if "REDIS_URL" in os.environ:
        yield
        return
    account = server_account()
    place = Path(tempfile.mkdtemp(prefix="laurel-bench-", dir="/tmp"))
    if account:
        os.chown(place, account.uid, account.gid)
    broker = valkey.Broker(place, place, account)
    leash = valkey.start(broker)
    os.environ["REDIS_URL"] = broker.url
    try:
        yield
    finally:
        del os.environ["REDIS_URL"]
        if leash:
            leash.end()
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _server(settings: str, port: int) -> Iterator[None]:
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
               "--no-ws", "--workers", "2", "--blocking-threads", "4", "--log-level", "error",
               "loyalty.config.wsgi:application"]  # fmt: skip
    process = subprocess.Popen(command, env=harness.environment(settings))
    try:
        _wait(port)
        yield
    finally:
        process.terminate()
        process.wait(20)


def _wait(port: int) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(300):
        try:
            opener.open(f"http://127.0.0.1:{port}/healthz", timeout=2)
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the web server does not answer")
