"""E-mail addresses as identifiers: one form for comparing."""

from __future__ import annotations

import unicodedata

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext as _

from loyalty.base.errors import Invalid

MAX_EMAIL = 254
MAX_LOCAL = 64

_valid = EmailValidator(allowlist=[])


def normal_email(text: object) -> str:
    """The address in lower case with an ASCII domain, so that one mailbox is one identifier.

    Raises Invalid `email_invalid`. Dots and plus tags are kept: only some providers ignore them.
    """
    if isinstance(text, str) and len(text) <= MAX_EMAIL:
        local, at, domain = unicodedata.normalize("NFC", text.strip()).lower().rpartition("@")
        if at and len(local) <= MAX_LOCAL:
            try:
                address = f"{local}@{domain.encode('idna').decode('ascii')}"
                _valid(address)
            except (UnicodeError, ValidationError):
                raise _not_an_address() from None
            return address
    raise _not_an_address()


def _not_an_address() -> Invalid:
    return Invalid(_("Give an e-mail address such as ana@example.org."), code="email_invalid")
