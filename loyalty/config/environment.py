"""Variables of the environment, read into what the settings want."""

import os
from pathlib import Path


class SettingError(ValueError):
    """A variable that cannot be used. The message never repeats its value, which may be a secret."""


def flag(name: str, default: bool) -> bool:
    return os.environ.get(name, "1" if default else "0").strip().lower() in ("1", "true", "yes", "on")


def number(name: str, default: int) -> int:
    """Raises SettingError."""
    text = os.environ.get(name, "").strip() or str(default)
    if not (text.isascii() and text.isdecimal()):
        raise SettingError(f"{name} must be a whole number, 0 or more.")
    return int(text)


def items(name: str, default: str = "") -> list[str]:
    """What stands between commas."""
    return [item.strip() for item in os.environ.get(name, default).split(",") if item.strip()]


def choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    """One of the choices, in whatever case. Raises SettingError."""
    chosen = os.environ.get(name, "").strip().upper() or default
    if chosen not in choices:
        raise SettingError(f"{name} must be one of: {', '.join(choices)}.")
    return chosen


def secret(name: str) -> str:
    """From NAME, else from the file that NAME_FILE names, else empty. Raises SettingError."""
    if value := os.environ.get(name):
        return value
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(f"{name}_FILE names a file that cannot be read.") from error
    return ""
