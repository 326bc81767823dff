"""Money by currency; phones, e-mail addresses and text as people type them."""

import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loyalty.base.currencies import check_money, currencies, currency_decimals, format_money
from loyalty.base.email import normal_email
from loyalty.base.errors import Invalid
from loyalty.base.phones import e164
from loyalty.base.text import MAX_MARKS, clean


@pytest.mark.parametrize(("code", "decimals"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("RSD", 2), ("XAF", 0)])
def test_currencies_have_the_decimals_of_iso(code: str, decimals: int) -> None:
    assert currency_decimals(code) == decimals


@pytest.mark.parametrize("code", ["eur", "XXX", "XTS", "XAU", "CLF", "DEM", "", "EU", "EURO", None, 978])
def test_other_codes_are_no_currency(code: object) -> None:
    with pytest.raises(Invalid) as refused:
        currency_decimals(code)
    assert refused.value.code == "currency_unknown"


def test_the_worlds_money_is_known() -> None:
    assert {"USD", "GBP", "CHF", "INR", "BRL", "PLN", "CLP", "TND"} <= currencies()
    assert 140 < len(currencies()) < 180


@pytest.mark.parametrize(
    ("amount", "currency", "money"),
    [
        ("12.5", "EUR", "12.50"),
        (12, "EUR", "12.00"),
        ("1.234", "KWD", "1.234"),
        (Decimal("500"), "JPY", "500"),
        ("0", "EUR", "0.00"),
    ],
)
def test_money_has_the_decimals_of_its_currency(amount: object, currency: str, money: str) -> None:
    assert str(check_money(amount, currency)) == money


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        ("12.345", "EUR", "money_decimals"),
        ("12.500", "EUR", "money_decimals"),
        (Decimal("100.0"), "JPY", "money_decimals"),
        ("-1.00", "EUR", "amount_negative"),
        (10**13, "EUR", "amount_out_of_range"),
        (Decimal("1E+18"), "EUR", "amount_out_of_range"),
        (True, "EUR", "number_invalid"),
        (1.5, "EUR", "number_invalid"),
        ("1,50", "EUR", "number_invalid"),
        ("1.00", "XXX", "currency_unknown"),
    ],
)
def test_other_amounts_are_refused(amount: object, currency: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_money(amount, currency)
    assert refused.value.code == code


def test_negative_money_only_where_asked_for() -> None:
    assert check_money("-1.00", "EUR", allow_negative=True) == Decimal("-1.00")
    assert format_money(Decimal("-1"), "KWD") == "-1.000 KWD"


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("+34 600 111 222", None, "+34600111222"),
        (" 600 111 222 ", "ES", "+34600111222"),
        ("(020) 7946-0018", "GB", "+442079460018"),
        ("+1 202-555-0143", "ES", "+12025550143"),
        ("(+34) 612.345.678", None, "+34612345678"),
    ],
)
def test_phones_have_one_form(text: str, region: str | None, number: str) -> None:
    assert e164(text, region) == number
    assert e164(number) == number


@pytest.mark.parametrize(
    "text",
    [
        "600111222",
        "+34",
        "1-800-FLOWERS",
        "+999123456789",
        "",
        None,
        34600111222,
        "+34 600 111 222 x5",
        "9" * 5000,
    ],
)
def test_other_texts_are_no_phone(text: object) -> None:
    with pytest.raises(Invalid) as refused:
        e164(text)
    assert refused.value.code == "phone_invalid"


def test_one_mailbox_is_one_identifier() -> None:
    assert normal_email(" Ana.Gil+shop@Example.ORG ") == "ana.gil+shop@example.org"
    assert normal_email("ana@MÜNCHEN.de") == normal_email("ana@xn--mnchen-3ya.de")


@pytest.mark.parametrize(
    "text",
    [
        "ana",
        "ana@",
        "@example.org",
        "a b@example.org",
        "ana@example",
        "ana@ex\x00ample.org",
        None,
        5,
        "a" * 65 + "@example.org",
        "a@" + "b" * 300 + ".org",
        "a@\ud800.org",
        "ana@example.org\nbcc:x@y.z",
        "ana@..org",
    ],
)
def test_other_texts_are_no_address(text: object) -> None:
    with pytest.raises(Invalid) as refused:
        normal_email(text)
    assert refused.value.code == "email_invalid"


def test_names_of_all_scripts_are_kept() -> None:
    for name in ["Zoë", "محمد", "👨‍👩‍👧 Smith", "\u202eabc", "שָׁלוֹם", "Nguyễn"]:
        assert clean(name) == name
    assert clean("Zoe\u0308") == "Zoë"


def test_blanks_collapse_and_lines_stay_only_where_wanted() -> None:
    assert clean("  a \t b\n c\u00a0 d ") == "a b c d"
    assert clean("\n a  b \r\n\n c \n", multiline=True) == "a b\n\nc"


def test_a_tower_of_marks_is_cut_to_a_readable_height() -> None:
    assert len(clean("x" + "\u0316" * 1000)) == 1 + MAX_MARKS


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a\x00", "text_nul"),
        ("a\ud800", "text_surrogate"),
        ("a\x1b[0m", "text_control"),
        ("a\x85", "text_control"),
        ("a" * 201, "text_too_long"),
        ("a" * 10_000_000, "text_too_long"),
        (None, "text_invalid"),
        (5, "text_invalid"),
    ],
)
def test_text_that_breaks_things_is_refused(text: object, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        clean(text)
    assert refused.value.code == code


def test_required_text_must_be_there() -> None:
    assert clean("  ") == ""
    with pytest.raises(Invalid) as refused:
        clean("  ", required=True)
    assert refused.value.code == "text_required"


def test_cleaning_marks_in_the_wrong_order_stays_fast() -> None:
    begun = time.process_time()
    clean("a" + "\u0316\u0301" * 15_000, max_length=2000)
    assert time.process_time() - begun < 0.5


@given(st.text(max_size=150))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    try:
        once = clean(text, max_length=600)
    except Invalid:
        return
    assert clean(once, max_length=600) == once
    once.encode()
