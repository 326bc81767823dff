from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from campaigns.demo import seeding
from loyalty.base import clock
from loyalty.programs.models import Program


class Command(BaseCommand):
    help = "Fill an empty installation with example data: a year of a coffee shop."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--empty", action="store_true", help="a program without members, to begin with")
        parser.add_argument("--out", metavar="FILE", help="write login, key and an example call there")
        parser.add_argument("--members", type=int, default=seeding.MEMBERS)
        parser.add_argument("--orders", type=int, default=seeding.ORDERS)

    def handle(
        self, *args: Any, empty: bool, out: str | None, members: int, orders: int, **options: Any
    ) -> None:
        if Program.objects.exists():
            raise CommandError(
                "There are programs already; example data goes into an empty installation only."
            )
        at = clock.now()
        access = seeding.begin(at=at) if empty else seeding.seed(at=at, members=members, orders=orders)
        if out is None:
            self.stdout.write(json.dumps(asdict(access), indent=2, ensure_ascii=False))
        else:
            _write_private(Path(out), json.dumps(asdict(access), ensure_ascii=False))


def _write_private(file: Path, text: str) -> None:
    """It holds a password and a key: for its owner only, from the first byte on."""
    file.unlink(missing_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as opened:
        opened.write(text)
