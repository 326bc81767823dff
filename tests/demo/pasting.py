"""The printed call, as a shell would carry it out."""

from __future__ import annotations

import shlex
from datetime import datetime

from django.test import Client

from loyalty.base import clock


def paste(client: Client, command: str, *, at: datetime) -> None:
    """Make the call at that time. It has to bring points."""
    words = shlex.split(_as_the_shell_would(command, at))
    headers = dict(words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "-H")
    content_type = headers.pop("Content-Type")
    body = words[words.index("-d") + 1]
    with clock.pinned(at):
        answer = client.post("/api/v1/events", body, content_type=content_type, headers=headers)
    assert answer.status_code == 200, answer.content
    assert answer.json()["status"] == "processed"
    assert answer.json()["points"]["points"] > 0


def _as_the_shell_would(text: str, at: datetime) -> str:
    present = text.replace("$(date -u +%Y-%m-%dT%H:%M:%SZ)", at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    return present.replace("$(date +%s)", "1795356242")
