"""What the demonstration shop sells: coffee, tea, cakes and kitchen things, in four stores and on the web."""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import Any, NamedTuple


class Article(NamedTuple):
    """`tax` is the rate contained in the price; `weight` says how often it is bought."""

    sku: str
    name: str
    category: str
    brand: str
    price: Decimal
    tax: int
    weight: int


def _article(*words: str, tax: int = 10, weight: int) -> Article:
    sku, name, category, brand, price = words
    return Article(sku, name, category, brand, Decimal(price), tax, weight)


ARTICLES = [
    _article("CF-ETH-250", "Ethiopia Yirgacheffe 250 g", "coffee", "Almendra", "11.90", weight=14),
    _article("CF-COL-250", "Colombia Huila 250 g", "coffee", "Almendra", "9.90", weight=16),
    _article("CF-COL-1KG", "Colombia Huila 1 kg", "coffee", "Almendra", "33.50", weight=9),
    _article("CF-HOUSE-1KG", "House blend 1 kg", "coffee", "Almendra", "27.90", weight=12),
    _article("CF-DECAF-250", "Decaf Brazil 250 g", "coffee", "Almendra", "10.40", weight=6),
    _article("TE-SENCHA", "Sencha, 100 g tin", "tea", "Hojas", "12.50", weight=6),
    _article("TE-EARL", "Earl Grey, 100 g tin", "tea", "Hojas", "9.80", weight=7),
    _article("TE-ROOIB", "Rooibos and orange, 100 g", "tea", "Hojas", "8.60", weight=5),
    _article("BK-TARTA", "Almond tart, whole", "bakery", "Obrador Sol", "19.50", weight=7),
    _article("BK-GALLE", "Almond biscuits, box", "bakery", "Obrador Sol", "6.90", weight=12),
    _article("BK-TURRON", "Soft turrón, 300 g", "bakery", "Obrador Sol", "13.40", weight=5),
    _article("KI-V60", "Pour-over dripper", "kitchen", "Hario", "24.00", tax=21, weight=4),
    _article("KI-GRIND", "Hand grinder", "kitchen", "Comandante", "219.00", tax=21, weight=1),
    _article("KI-MOKA-3", "Moka pot, 3 cups", "kitchen", "Bialetti", "32.90", tax=21, weight=4),
    _article("KI-MUG", "Stoneware mug", "kitchen", "Talavera", "14.50", tax=21, weight=8),
    _article("KI-SCALE", "Coffee scale", "kitchen", "Timemore", "59.00", tax=21, weight=2),
    _article("GF-BASKET", "Gift basket", "gifts", "Almendra", "48.00", weight=3),
]
GIFT_CARD = _article("GF-CARD-25", "Gift card 25", "gifts", "Almendra", "25.00", tax=0, weight=1)
BY_SKU = {article.sku: article for article in ARTICLES}
STORES = ["Malasaña", "Gràcia", "Ruzafa", "Triana"]
CENT = Decimal("0.01")

_WEIGHTS = [article.weight for article in ARTICLES]


def basket(dice: Random, *, festive: bool) -> list[dict[str, Any]]:
    """One to five lines of an order; before Christmas they are more, and gifts among them."""
    count = dice.choices([1, 2, 3, 4, 5], [30, 32, 20, 12, 6])[0] + (
        1 if festive and dice.random() < 0.5 else 0
    )
    chosen = {article.sku: article for article in dice.choices(ARTICLES, _WEIGHTS, k=count)}
    lines = [line(article, dice.choices([1, 2, 3], [78, 18, 4])[0]) for article in chosen.values()]
    if dice.random() < (0.05 if festive else 0.015):
        lines.append({**line(GIFT_CARD, 1), "gift_card": True})
    return lines


def line(article: Article, quantity: int) -> dict[str, Any]:
    """The line of an order, tax included in the price."""
    amount = article.price * quantity
    tax = (amount * article.tax / (100 + article.tax)).quantize(CENT)
    return {
        "sku": article.sku,
        "name": article.name,
        "category": article.category,
        "brand": article.brand,
        "quantity": quantity,
        "unit_price": str(article.price),
        "tax": str(tax),
    }


def price(lines: list[dict[str, Any]]) -> Decimal:
    """What the lines come to."""
    return sum((Decimal(one["unit_price"]) * one["quantity"] for one in lines), Decimal(0))
