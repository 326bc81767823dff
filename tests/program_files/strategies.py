"""Program files of every kind, for property tests."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import Any

from hypothesis import strategies as st

code = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,12}", fullmatch=True)
name = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=30
)
words = name.filter(lambda text: any(not char.isspace() for char in text))
exact = st.decimals("0.01", "9999", places=2)
leaf = st.one_of(
    st.fixed_dictionaries(
        {"field": st.just("order.total"), "op": st.sampled_from(["gte", "lt"]), "value": exact}
    ),
    st.fixed_dictionaries(
        {
            "field": st.just("order.store"),
            "op": st.just("in"),
            "value": st.lists(words, min_size=1, max_size=3),
        }
    ),
    st.fixed_dictionaries(
        {
            "field": st.just("activity.orders"),
            "op": st.just("gte"),
            "value": st.integers(0, 99),
            "days": st.integers(1, 365),
        }
    ),
)
tree = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"all": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=4,
)
earn = st.fixed_dictionaries(
    {"points": exact},
    optional={"step": exact, "step_rounding": st.sampled_from(["exact", "down", "up", "half_up"])},
)
multiplier = st.decimals(1, 1000, places=2)
bonus = st.one_of(
    st.fixed_dictionaries({"multiplier": multiplier}),
    st.fixed_dictionaries({"extra_points": exact}),
    st.fixed_dictionaries(
        {
            "table": st.fixed_dictionaries(
                {
                    "field": st.just("member.tier"),
                    "multipliers": st.dictionaries(words, multiplier, min_size=1, max_size=3),
                }
            )
        }
    ),
)
common: dict[str, Any] = {
    "description": words,
    "status": st.sampled_from(["draft", "published", "paused", "ended"]),
    "conditions": tree,
    "starts_at": st.just("2026-01-01T00:00:00Z"),
    "weekdays": st.lists(st.sampled_from(["mon", "tue", "sun"]), unique=True),
    "hours": st.just([["17:00", "19:00"], ["22:00", "02:00"]]),
    "caps": st.just([{"points": Decimal(5), "per": "day"}, {"times": 3, "per": "year"}]),
    "budget": st.integers(1, 10**9),
    "priority": st.integers(0, 1000),
    "stacking_group": code,
}
campaign = st.one_of(
    st.fixed_dictionaries({"code": code, "name": words, "earn": earn}, optional=common),
    st.fixed_dictionaries({"code": code, "name": words, "bonus": bonus}, optional=common),
)
a_tier = st.fixed_dictionaries(
    {"code": code, "name": words},
    optional={
        "earning_multiplier": multiplier,
        "reward_price_factor": st.decimals(0, 10, places=2),
        "early_access_days": st.integers(0, 30),
        "expiry": st.sampled_from([{"kind": "none"}, {"kind": "rolling", "count": 2, "unit": "years"}]),
        "perks": st.lists(
            st.fixed_dictionaries({"code": code, "text": words}, optional={"icon": st.just("🛋")}),
            max_size=2,
            unique_by=lambda one: one["code"],
        ),
    },
)
a_ladder = st.fixed_dictionaries(
    {
        "code": code,
        "name": words,
        "measure": st.sampled_from(["spend", "orders", "visits", "points"]),
        "window": st.sampled_from(
            [
                {"kind": "calendar_year"},
                {"kind": "anniversary"},
                {"kind": "rolling", "count": 9, "unit": "days"},
            ]
        ),
        "validity": st.sampled_from(
            [{"kind": "duration", "count": 3, "unit": "months"}, {"kind": "while_qualified"}]
        ),
        "tiers": st.lists(a_tier, min_size=1, max_size=3, unique_by=lambda one: one["code"]).map(
            lambda tiers: [{**tier, "threshold": 100 * rank} for rank, tier in enumerate(tiers)]
        ),
    },
    optional={
        "status": st.sampled_from(["draft", "published"]),
        "effective_from": st.just("2026-01-01T00:00:00Z"),
        "rollout": st.sampled_from(["now", "review"]),
        "protect": st.booleans(),
        "downgrade": st.sampled_from(["never", "fit", "one_step"]),
        "grace_days": st.integers(0, 90),
        "warn_days": st.integers(0, 90),
    },
)
slots = [
    {"code": "late", "starts_at": "2027-05-02T17:00:00Z", "places": 8},
    {
        "code": "early",
        "name": "Early",
        "starts_at": "2027-05-01T09:00:00+02:00",
        "ends_at": "2027-05-01T10:00:00Z",
    },
]
variants = [
    {"code": "red", "stock": 3},
    {"code": "blue", "name": "Blue"},
    {"code": "grey", "stock": 0, "open": False},
]
asks = [{"code": "address", "label": "Address", "required": True}, {"code": "note", "label": "Note"}]
stocked = st.sampled_from([{}, {"stock": 0}, {"stock": 40}, {"variants": variants}])
member_tree = st.sampled_from(
    [
        {"field": "activity.orders", "op": "gte", "value": 3, "days": 90},
        {"not": {"field": "member.is_birthday", "op": "eq", "value": True}},
    ]
)
kind_of_reward = st.one_of(
    st.tuples(
        st.fixed_dictionaries(
            {"discount": st.fixed_dictionaries({"value": exact}, optional={"minimum_order": exact})}
        ),
        stocked,
    ),
    st.tuples(st.just({"discount": {"off": "percent", "value": Decimal("12.5"), "valid_days": 9}}), stocked),
    st.tuples(st.sampled_from([{"voucher": {}}, {"voucher": {"valid_days": 30}}]), st.just({})),
    st.tuples(st.fixed_dictionaries({"gift": st.fixed_dictionaries({"value": exact})}), stocked),
    st.tuples(
        st.sampled_from([{"product": {}}, {"product": {"sku": "MUG", "delivery_attributes": asks}}]), stocked
    ),
    st.tuples(st.just({"experience": {}}), st.just({"slots": slots})),
    st.tuples(st.just({"donation": {"beneficiary": "Trees", "value": 2}}), stocked),
    st.tuples(st.just({"partner": {"code": "air", "name": "Air"}}), stocked),
    st.tuples(st.just({"points": {"into": "stars", "gives": Decimal("2.5")}}), stocked),
).map(lambda pair: pair[0] | pair[1])
price = st.fixed_dictionaries(
    {"points": st.integers(0, 9999)},
    optional={"for_tiers": st.just(True), "audience": member_tree, "point_type": st.just("points")},
)
reward = st.builds(
    lambda one, kind: one | kind,
    st.fixed_dictionaries(
        {"code": code, "name": words, "prices": st.lists(price, min_size=1, max_size=3)},
        optional={
            "description": words,
            "terms": words,
            "status": st.sampled_from(["draft", "live", "paused", "ended"]),
            "audience": member_tree,
            "caps": st.just([{"times": 1, "per": "day"}, {"times": 9, "per": "lifetime"}]),
            "cooldown_hours": st.integers(1, 99),
            "starts_at": st.just("2026-01-01T00:00:00Z"),
            "ends_at": st.just("2027-01-01T00:00:00+01:00"),
            "weekdays": st.just(["sat", "mon"]),
            "hours": st.just([["17:00", "19:00"]]),
            "reserve_minutes": st.integers(1, 90),
            "low_stock_at": st.integers(0, 9),
            "unit_cost": exact,
            "position": st.integers(0, 200),
        },
    ),
    kind_of_reward,
)
STARS = {"code": "stars", "name": {"one": "star", "many": "stars"}, "decimals": 2}
expiry = st.one_of(
    st.just({"kind": "none"}),
    st.just({"kind": "program"}),
    st.fixed_dictionaries({"kind": st.just("fixed"), "dates": st.just(["02-29", "12-31"])}),
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["rolling", "inactivity"]),
            "count": st.integers(1, 100),
            "unit": st.sampled_from(["days", "months", "years"]),
        }
    ),
)


def whole(amounts: dict[str, Any]) -> dict[str, Any]:
    money = {"unit_cost", "value", "minimum_order"} & set(amounts)
    return amounts | {name: amounts[name].to_integral_value(ROUND_CEILING) for name in money}


def sound(file: dict[str, Any]) -> dict[str, Any]:
    """Rewards worth what can be paid in the currency, with prices for tiers that there are."""
    tiers = [tier["code"] for ladder in file["tiers"] for tier in ladder["tiers"]][:2]
    for one in file["rewards"]:
        for price in one["prices"]:
            if price.pop("for_tiers", False) and tiers:
                price["tiers"] = tiers
        if file["program"]["currency"] == "JPY":
            one.update(whole(one), **{kind: whole(one[kind]) for kind in ("discount", "gift") if kind in one})
    return file


program_file = st.fixed_dictionaries(
    {
        "format": st.just(1),
        "program": st.fixed_dictionaries(
            {
                "code": code,
                "name": words,
                "currency": st.sampled_from(["EUR", "JPY", "KWD"]),
                "timezone": st.just("Asia/Kathmandu"),
            },
            optional={"rounding": st.sampled_from(["down", "up"]), "returns": st.just("within_balance")},
        ),
        "point_types": st.tuples(
            st.fixed_dictionaries(
                {
                    "code": st.just("points"),
                    "name": st.just({"one": "yes", "many": "null"}),
                    "default": st.just(True),
                    "expiry": expiry,
                },
                optional={
                    "decimals": st.integers(0, 4),
                    "pending": st.just({"days": 9}),
                    "checkout": st.fixed_dictionaries({"rate": exact}),
                },
            )
        ).map(lambda one: [*one, STARS]),
        "channels": st.lists(
            st.fixed_dictionaries({"code": code.filter(lambda one: one != "laurel"), "name": words}),
            max_size=2,
            unique_by=lambda one: one["code"],
        ),
        "tiers": st.lists(a_ladder, max_size=3, unique_by=lambda one: one["code"]).map(
            lambda ladders: [{**one, "main": not n} for n, one in enumerate(ladders)]
        ),
        "campaigns": st.lists(campaign, max_size=4, unique_by=lambda one: one["code"]),
        "rewards": st.lists(reward, max_size=4, unique_by=lambda one: one["code"]),
    }
).map(sound)


value = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**18), 10**18), exact, words),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(words, inner)),
    max_leaves=12,
)
