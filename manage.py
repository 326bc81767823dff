#!/usr/bin/env python3
"""Django's command line. Starts the embedded servers for a command that needs them and finds none."""

import os
import sys

from django.core.management import execute_from_command_line

from loyalty.config.embedded import on_demand
from loyalty.config.embedded.state import EmbeddedError
from loyalty.config.environment import SettingError


def main() -> int:
    """Run one command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.config.settings")
    os.environ.setdefault("LAUREL_PROCESS", "command")
    try:
        with on_demand.database(sys.argv[1:]):
            execute_from_command_line(sys.argv)
    except (EmbeddedError, SettingError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
