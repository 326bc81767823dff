"""What of an order qualifies, and what is left of it after returns."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from campaigns.basket import Basket, returning
from loyalty.base.errors import Invalid
from tests.campaigns.making import line, order


def basket(*lines: dict[str, object], **more: object) -> Basket:
    data = order(*lines, **more)
    return Basket.from_payload(data, data["currency"])


def back(line_id: str, quantity: str, amount: str | None = None) -> dict[str, str]:
    return {"id": line_id, "quantity": quantity} | ({"amount": amount} if amount else {})


def test_tax_gift_cards_shipping_and_shares_of_discounts_do_not_qualify() -> None:
    bought = basket(
        line("60.00", tax="10.00"),
        line("20.00"),
        line("20.00", gift_card=True),
        shipping="4.50",
        discount="10.00",
        points_paid="5.00",
    )
    assert [Fraction(one.part) / bought.parts for one in bought.lines] == [41, 17, 0]
    assert bought.qualifying == 58
    assert bought.total == 9450  # smallest units: lines and shipping less the discount


def test_a_line_never_qualifies_with_less_than_nothing() -> None:
    assert basket(line("10.00", tax="2.00"), discount="9.00").qualifying == 0
    assert basket(line("10.00"), points_paid="10.00").qualifying == 0


@pytest.mark.parametrize(("currency", "price", "whole"), [("JPY", "1200", 1200), ("KWD", "1.234", 1234)])
def test_money_is_counted_in_the_currencys_own_decimals(currency: str, price: str, whole: int) -> None:
    bought = basket(line(price, discount="0", tax="0"), currency=currency)
    assert bought.amount == whole
    assert bought.qualifying == Fraction(price)


def test_money_finer_than_the_currency_is_refused() -> None:
    with pytest.raises(Invalid):
        basket(line("1.5", amount="1.5"), currency="JPY")


def test_an_amount_that_was_not_sent_is_worked_out_half_up() -> None:
    assert basket(line("1.25", quantity="0.5")).amount == 63
    assert basket(line("10.00", quantity="3", discount="2.50")).amount == 2750


def test_a_partial_return_takes_its_share_of_the_line() -> None:
    bought = basket(line("30.00", quantity="3", amount="30.00", tax="3.00"), line("5.00"))
    kept = bought.kept(returning({}, [back("1", "1")]))
    assert kept.lines[0].quantity == 2
    assert kept.lines[0].amount == 2000
    assert kept.qualifying == 18 + 5


def test_an_explicit_amount_goes_before_the_share() -> None:
    bought = basket(line("30.00", quantity="3", amount="30.00"))
    assert bought.kept(returning({}, [back("1", "1", "4.00")])).qualifying == 26


def test_a_return_of_everything_leaves_an_empty_basket() -> None:
    bought = basket(
        line("10.00", quantity="2", amount="10.00"), line("7.00"), shipping="3.00", discount="1.00"
    )
    kept = bought.kept(returning({}, [back("1", "2", "1.00"), back("2", "1")]))
    assert kept.is_empty
    assert kept.qualifying == kept.total == 0


def test_more_than_there_is_takes_what_there_is() -> None:
    bought = basket(line("10.00"), line("7.00"))
    assert bought.kept(returning({}, [back("1", "9", "99.00"), back("7", "1")])).qualifying == 7
    assert bought.kept(returning({}, [back("2", "0", "99.00")])).qualifying == 10


def test_an_article_comes_off_its_lines_after_the_lines_that_were_named() -> None:
    lines = [line("10.00", sku="A"), line("20.00", sku="A"), line("5.00", sku="B")]
    by_article, by_line = {"sku": "A", "quantity": "1"}, back("1", "1")
    first = basket(*lines).kept(returning(returning({}, [by_article]), [by_line]))
    second = basket(*lines).kept(returning(returning({}, [by_line]), [by_article]))
    assert first == second
    assert [one.sku for one in first.lines] == ["B"]


def test_what_was_returned_adds_up_as_plain_text() -> None:
    once = returning({}, [back("1", "1", "2.50")])
    twice = returning(once, [back("1", "0.5")])
    assert once == {"1": {"quantity": "1", "priced": "1", "amount": "2.50"}}
    assert twice == {"1": {"quantity": "1.5", "priced": "1", "amount": "2.50"}}


def test_the_share_of_discounts_goes_with_the_lines() -> None:
    bought = basket(line("30.00"), line("10.00"), discount="4.00", points_paid="8.00")
    kept = bought.kept(returning({}, [back("1", "1")]))
    assert [kept.discount, kept.points_paid] == [100, 200]
    assert kept.qualifying == 7
    assert kept.money(kept.total) == Decimal("9.00")


def test_an_amount_given_for_an_article_goes_before_the_share() -> None:
    lines = [line("10.00", sku="A", quantity="2", amount="10.00"), line("20.00", sku="A")]
    priced = {"sku": "A", "quantity": "1", "amount": "3.00"}
    assert basket(*lines).kept(returning({}, [priced])).qualifying == 27
    # Two units of the first line, half of them priced: half of 10.00 goes by its share, 3.00 as said.
    both = basket(*lines).kept(returning({}, [priced, {"sku": "A", "quantity": "1"}]))
    assert [one.amount for one in both.lines] == [2000]


def test_a_line_whose_id_looks_like_an_article_is_not_taken_back_twice() -> None:
    lines = [line("10.00", id="sku:A", sku="A", quantity="3", amount="30.00"), line("5.00", id="2", sku="A")]
    by_article, by_line = {"sku": "A", "quantity": "1"}, back("sku:A", "1")
    assert basket(*lines).kept(returning({}, [by_article])).qualifying == 25
    assert basket(*lines).kept(returning({}, [by_line])).qualifying == 25
    assert basket(*lines).kept(returning({}, [by_line, by_article])).qualifying == 15
    assert basket(*lines).kept(returning({}, [back("2", "1"), by_article])).qualifying == 20


@pytest.mark.parametrize("sku", ["A", "B"])
def test_what_was_stored_by_such_an_id_before_is_still_understood(sku: str) -> None:
    bought = basket(line("10.00", id="sku:A", sku=sku, quantity="3", amount="30.00"))
    stored = {"sku:A": {"quantity": "1", "priced": "0", "amount": "0"}}
    assert bought.kept(stored).qualifying == 20
    assert bought.kept(returning(stored, [back("sku:A", "1")])).qualifying == 10
