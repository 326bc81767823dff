"""Phone numbers as identifiers: one form, E.164."""

from __future__ import annotations

import re

import phonenumbers
from django.utils.translation import gettext as _

from loyalty.base.errors import Invalid

_WRITTEN = re.compile(r"\(?\+?[0-9 ()./\-]{3,40}")


def is_region(code: str) -> bool:
    """Whether national numbers of that country (ISO code, such as ES) can be read."""
    return code in phonenumbers.SUPPORTED_REGIONS


def e164(text: object, region: str | None = None) -> str:
    """`text` as +34600111222. A national number needs the `region` (ES). Raises Invalid `phone_invalid`.

    Checked for a possible length, not against the list of assigned ranges: that list ages with the library,
    and a member with a new number must not be turned away.
    """
    if isinstance(text, str) and _WRITTEN.fullmatch(text.strip()):
        try:
            number = phonenumbers.parse(text.strip(), region)
        except phonenumbers.NumberParseException:
            number = None
        if number is not None and phonenumbers.is_possible_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    raise Invalid(
        _("Give a phone number with its country code, such as +34 600 111 222."), code="phone_invalid"
    )
