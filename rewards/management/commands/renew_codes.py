from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from rewards import rekeying
from rewards.rekeying import Renewed


class Command(BaseCommand):
    help = (
        "Encrypt all codes anew that are not under LAUREL_CODE_KEY, so that its fallbacks can be thrown away. "
        "May be stopped and run again. Exit code 1 when a code cannot be read."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        done = rekeying.renew(tell=self._tell)
        self._tell(done)
        if done.unreadable:
            raise CommandError(
                f"{done.unreadable} cannot be read with any of the keys; they were left as they are."
            )
        self.stdout.write("All are under the present key.")

    def _tell(self, so_far: Renewed) -> None:
        self.stdout.write(f"{so_far.codes} codes, {so_far.files} files")
