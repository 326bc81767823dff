"""System checks that refuse an unsafe production: `manage.py check --deploy --fail-level WARNING`."""

import os
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
    """SECRET_KEY and KEY_PEPPER are there, long, random, and not the same."""
    try:
        key = settings.SECRET_KEY
    except ImproperlyConfigured:
        key = ""
    advice = f"Generate one: python3 -c 'import secrets; print(secrets.token_urlsafe({SHORTEST_SECRET}))'"
    found: list[CheckMessage] = []
    if _weak(key):
        found.append(Error("LAUREL_SECRET_KEY (or _FILE) is missing or weak.", hint=advice, id="laurel.E001"))
    if _weak(settings.KEY_PEPPER):
        found.append(Error("LAUREL_KEY_PEPPER (or _FILE) is missing or weak.", hint=advice, id="laurel.E002"))
    elif settings.KEY_PEPPER in (key, *settings.SECRET_KEY_FALLBACKS):
        found.append(
            Error("LAUREL_KEY_PEPPER must differ from the secret key.", hint=advice, id="laurel.E003")
        )
    return found


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
