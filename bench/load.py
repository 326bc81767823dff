"""A load generator in its own process: keep-alive connections that each send the next request when the last was
answered. It costs the same for what is measured and for its limit, so it favours neither."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from typing import Any, NamedTuple


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


async def _read_body(reader: asyncio.StreamReader, head: bytes) -> None:
    if b"transfer-encoding: chunked" in head:
        while size := int(await reader.readuntil(b"\r\n"), 16):
            await reader.readexactly(size + 2)
        await reader.readexactly(2)
        return
    at = head.index(b"content-length:") + 15
    await reader.readexactly(int(head[at : head.index(b"\r\n", at)]))


async def _send(
    job: dict[str, Any], queue: list[bytes], ends: float, took: list[float], refused: list[int]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", job["port"])
    while queue and time.perf_counter() < ends:
        message = queue.pop()
        started = time.perf_counter()
        writer.write(message)
        head = await reader.readuntil(b"\r\n\r\n")
        await _read_body(reader, head.lower())
        took.append(time.perf_counter() - started)
        if head[9:10] != b"2":
            refused.append(int(head[9:12]))
    writer.close()


async def _main(job: dict[str, Any]) -> None:
    queue = [message.encode() for message in reversed(job["requests"])]
    took: list[float] = []
    refused: list[int] = []
    started = time.perf_counter()
    ends = started + job["seconds"]
    await asyncio.gather(*(_send(job, queue, ends, took, refused) for _ in range(job["connections"])))
    lasted = time.perf_counter() - started
    took.sort()
    at = [1000 * took[int(len(took) * share)] for share in (0.5, 0.99)]
    print(json.dumps([len(took) / lasted, *at, len(refused)]))


if __name__ == "__main__":
    asyncio.run(_main(json.load(sys.stdin)))
