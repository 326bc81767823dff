"""Money: an exact Decimal in an ISO 4217 currency."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import lru_cache

from babel.core import get_global
from django.utils.translation import gettext as _

from loyalty.base.errors import Invalid
from loyalty.base.numbers import parse_decimal

MAX_MONEY = Decimal(10) ** 13

# Minor units by ISO 4217. Babel's own figures are CLDR's display habits (none for RSD, ALL or IQD), while
# shops and banks send what ISO allows.
_DECIMALS = {
    **dict.fromkeys(["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"], 0),
    **dict.fromkeys(["UGX", "VND", "VUV", "XAF", "XOF", "XPF"], 0),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
}
_RECENT = date(2020, 1, 1)  # currencies replaced since then still appear in orders that are loaded afterwards


@lru_cache(maxsize=1)
def currencies() -> frozenset[str]:
    """Codes of money in use: legal tender somewhere, now or until recently."""
    in_use = set()
    for spans in get_global("territory_currencies").values():
        for code, _from, ended, tender in spans:
            if tender and (ended is None or date(*ended) >= _RECENT):
                in_use.add(code)
    return frozenset(in_use - {"XXX", "XTS"})


def currency_decimals(code: object) -> int:
    """Decimals of a currency. Raises Invalid `currency_unknown`, also for lower case and test codes."""
    if not isinstance(code, str) or code not in currencies():
        raise Invalid(_("Give a currency by its ISO code, such as EUR."), code="currency_unknown")
    return _DECIMALS.get(code, 2)


def check_money(amount: object, currency: str, *, allow_negative: bool = False) -> Decimal:
    """`amount` as a Decimal with exactly the currency's decimals.

    Raises Invalid: `number_invalid`, `money_decimals` (more decimals than the currency has),
    `amount_negative`, `amount_out_of_range`, `currency_unknown`.
    """
    decimals = currency_decimals(currency)
    money = parse_decimal(amount, max_digits=34, max_places=None)
    if abs(money) >= MAX_MONEY:
        raise Invalid(_("The amount is too large."), code="amount_out_of_range")
    if -int(money.as_tuple().exponent) > decimals:
        told = {"currency": currency, "decimals": decimals}
        raise Invalid(_("%(currency)s has %(decimals)d decimals.") % told, code="money_decimals")
    if money < 0 and not allow_negative:
        raise Invalid(_("The amount must not be negative."), code="amount_negative")
    return money.quantize(Decimal(1).scaleb(-decimals))


def format_money(amount: Decimal, currency: str) -> str:
    """`12.50 EUR`: plain, for files, traces and the API. Screens format by locale."""
    return f"{amount:.{currency_decimals(currency)}f} {currency}"
