"""E-mail addresses as identifiers: one form for comparing."""

from __future__ import annotations

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext as _

from loyalty.base.errors import Invalid

MAX_EMAIL = 254
MAX_LOCAL = 64

_valid = EmailValidator(allowlist=[])
_WITHIN = re.compile(r"[^\s@<>,;:\"'()]{1,64}@[^\s@<>,;:\"'()]{1,190}\.[^\W\d_]{2,60}")


def holds_address(text: str) -> bool:
    """Whether an e-mail address stands somewhere in the text."""
    return "@" in text and _WITHIN.search(text) is not None


def impersonal(text: str) -> str:
    """`text` without e-mail addresses: what is kept for ever must name nobody."""
    return _WITHIN.sub("[e-mail]", text) if "@" in text else text


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
