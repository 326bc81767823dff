import os
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from loyalty.config.demo import Demo, Stopped
from loyalty.config.embedded.state import EmbeddedError


def _port(text: str) -> int:
    if text.isascii() and text.isdecimal() and 0 < int(text) < 65_536:
        return int(text)
    raise ArgumentTypeError("a port is a number from 1 to 65535")


class Command(BaseCommand):
    help = "Runs everything on this machine: servers, web, worker, scheduler, with example data."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--empty", action="store_true", help="an empty program instead of example data")
        parser.add_argument("--port", type=_port, default=os.environ.get("PORT") or "8000")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with Demo(port=options["port"]) as demo:
                demo.run(empty=options["empty"])
        except Stopped:
            self.stdout.write("Stopped.")
        except EmbeddedError as error:
            raise CommandError(str(error)) from error
