"""System checks that refuse an unsafe production: `manage.py check --deploy --fail-level WARNING`."""

import os
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

TAG = Tags.security
SHORTEST_SECRET = 50
# Fewer different characters than this is a pattern, not a secret.
FEWEST_CHARACTERS = 12


def _weak(value: str) -> bool:
    return (
        len(value) < SHORTEST_SECRET
        or len(set(value)) < FEWEST_CHARACTERS
        or value.startswith("django-insecure")
    )


@register(TAG, deploy=True)
def secrets_are_strong(**kwargs: Any) -> list[CheckMessage]:
    """SECRET_KEY, KEY_PEPPER and CODE_KEY are there, long, random, and not the same."""
    try:
        key = settings.SECRET_KEY
    except ImproperlyConfigured:
        key = ""
    taken = [key, *settings.SECRET_KEY_FALLBACKS]
    found = _secret("LAUREL_SECRET_KEY", key, (), "laurel.E001", "")
    found += _secret("LAUREL_KEY_PEPPER", settings.KEY_PEPPER, taken, "laurel.E002", "laurel.E003")
    taken.append(settings.KEY_PEPPER)
    return found + _secret("LAUREL_CODE_KEY", settings.CODE_KEY, taken, "laurel.E008", "laurel.E009")


def _secret(name: str, value: str, taken: Sequence[str], weak_id: str, same_id: str) -> list[CheckMessage]:
    if _weak(value):
        advice = f"Generate one: python3 -c 'import secrets; print(secrets.token_urlsafe({SHORTEST_SECRET}))'"
        return [Error(f"{name} (or _FILE) is missing or weak.", hint=advice, id=weak_id)]
    if value in taken:
        return [Error(f"{name} must differ from the other secrets.", id=same_id)]
    return []


@register(TAG, deploy=True)
def debug_is_off(**kwargs: Any) -> list[CheckMessage]:
    """Development mode shows source and settings to visitors."""
    if not settings.DEBUG:
        return []
    return [
        Error("Development mode is on.", hint="Set DATABASE_URL and unset LAUREL_DEBUG.", id="laurel.E004")
    ]


@register(TAG, deploy=True)
def servers_are_real(**kwargs: Any) -> list[CheckMessage]:
    """The embedded servers are for development: they trust whoever reaches them and keep no backups."""
    return [
        Error(f"{name} is not set.", hint="The embedded servers are for development only.", id=identity)
        for name, identity in (("DATABASE_URL", "laurel.E005"), ("REDIS_URL", "laurel.E006"))
        if not os.environ.get(name)
    ]


@register(TAG, deploy=True)
def hosts_are_named(**kwargs: Any) -> list[CheckMessage]:
    """A wildcard would let a visitor choose the host that links are made with."""
    hosts = settings.ALLOWED_HOSTS
    if hosts and not any(host.strip(".") in ("", "*") for host in hosts):
        return []
    return [Error("LAUREL_ALLOWED_HOSTS must name the hosts, without *.", id="laurel.E007")]
