"""A load generator in its own process: keep-alive connections that each send the next request when the last was
answered. It costs the same for what is measured and for its limit, so it favours neither."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from typing import NamedTuple, cast


class Load(NamedTuple):
    """What came of it. Latencies in milliseconds."""

    per_second: float
    p50: float
    p99: float
    refused: int


def get(path: str, key: str) -> str:
    """A whole request, as the proxy in front of the API passes it on."""
    return _message("GET", path, key) + "\r\n"


def post(path: str, key: str, body: str) -> str:
    return _message("POST", path, key) + (
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )


def _message(method: str, path: str, key: str) -> str:
    return (
        f"{method} /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
        "X-Forwarded-Proto: https\r\nX-Forwarded-For: 192.0.2.7\r\n"
    )


def run(port: int, requests: list[str], *, connections: int, seconds: float) -> Load:
    """Send `requests` (whole HTTP messages) in turn, over so many connections, for so long. When they run out, stop."""
    job = json.dumps({"port": port, "connections": connections, "seconds": seconds, "requests": requests})
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"], input=job, capture_output=True, text=True, check=True
    )
    return Load(*json.loads(done.stdout))


class _Job:
    """What is left to send, and what was measured."""

    def __init__(self, requests: list[str], *, connections: int, ends: float) -> None:
        self.requests = [request.encode() for request in reversed(requests)]
        self.ends = ends
        self.took: list[float] = []
        self.refused: list[int] = []
        self.open = connections
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class _Connection(asyncio.Protocol):
    """Sends one request after the other. A protocol and no stream: what that costs more is taken from the servers,
    which run on the same cores."""

    def __init__(self, job: _Job) -> None:
        self.job = job
        self.started = 0.0
        self.waits = False
        self.answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self.answer += data
        if not _is_whole(self.answer):
            return
        self.job.took.append(time.perf_counter() - self.started)
        if self.answer[9:10] != b"2":
            self.job.refused.append(int(self.answer[9:12]))
        self.waits = False
        self.answer = b""
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self.job.open -= 1
        if self.waits and not self.job.done.done():
            self.job.done.set_exception(exc or ConnectionError("the server hung up"))
        elif not self.job.open and not self.job.done.done():
            self.job.done.set_result(None)

    def _send(self) -> None:
        self.started = time.perf_counter()
        if self.job.requests and self.started < self.job.ends:
            self.waits = True
            self.transport.write(self.job.requests.pop())
        else:
            self.transport.close()


_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


def _is_whole(answer: bytes) -> bool:
    head = answer.find(b"\r\n\r\n") + 4
    if head < 4:
        return False
    length = _LENGTH.search(answer, 0, head)
    if length is None:  # in chunks
        return answer.endswith(b"\r\n0\r\n\r\n")
    return len(answer) >= head + int(length[1])


async def _main(requests: list[str], *, port: int, connections: int, seconds: float) -> Load:
    started = time.perf_counter()
    job = _Job(requests, connections=connections, ends=started + seconds)
    for _ in range(connections):
        await asyncio.get_running_loop().create_connection(lambda: _Connection(job), "127.0.0.1", port)
    await job.done
    lasted = time.perf_counter() - started
    job.took.sort()
    p50, p99 = (1000 * job.took[int(len(job.took) * share)] for share in (0.5, 0.99))
    return Load(len(job.took) / lasted, p50, p99, len(job.refused))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_main(**json.load(sys.stdin)))))
