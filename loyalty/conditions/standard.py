"""The fields that every program has.

What a view must hold for them (campaigns builds it): a plain dict of field name to value, where

* text and choice are str, number is Decimal or int, money is Decimal, boolean is bool, date is the program's local
  `date`, time is the program's local `time` without zone, set is a frozenset of str;
* "items" is a list of dicts by full names: {"item.sku": "A1", "item.quantity": Decimal(2), ...};
* "activity" maps (measure, days) to Decimal, for every window that `Condition.needs` names: the sum over the local
  days from `days - 1` days ago to today, the event itself not counted; 0 for a member who did nothing;
* what is unknown is absent or None, and so is a value that does not fit its type (`Field.read` gives None then).

A birthday on 29 February is kept on 28 February in common years (`loyalty.base.clock.birthday_in`).
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from loyalty.base.words import Words
from loyalty.conditions.fields import Field, FieldType, Schema

T = FieldType

WEEKDAYS: dict[str, Words] = {
    "mon": _("Monday"),
    "tue": _("Tuesday"),
    "wed": _("Wednesday"),
    "thu": _("Thursday"),
    "fri": _("Friday"),
    "sat": _("Saturday"),
    "sun": _("Sunday"),
}
MEMBER_STATES: dict[str, Words] = {
    "pending": _("Pending"),
    "active": _("Active"),
    "suspended": _("Suspended"),
    "closed": _("Closed"),
}

ORDER = [
    Field("order.total", T.MONEY, _("Order total"), _("the order total")),
    Field("order.qualifying", T.MONEY, _("Qualifying amount"), _("the qualifying amount")),
    Field("order.quantity", T.NUMBER, _("Number of pieces"), _("the number of pieces")),  # sum of quantities
    Field("order.lines", T.NUMBER, _("Number of lines"), _("the number of order lines")),
    Field("order.payment_method", T.CHOICE, _("Payment method"), _("the payment method")),
    Field("order.store", T.CHOICE, _("Store"), _("the store")),
    Field("order.currency", T.CHOICE, _("Currency"), _("the currency")),
]
CHANNEL_AND_EVENT = [
    Field("channel.code", T.CHOICE, _("Channel"), _("the channel")),
    Field("channel.kind", T.CHOICE, _("Kind of channel"), _("the kind of channel")),
    Field("event.type", T.CHOICE, _("Event type"), _("the event type")),
]
ITEM = [
    Field("item.sku", T.TEXT, _("Item: SKU"), _("SKU")),
    Field("item.name", T.TEXT, _("Item: name"), _("name")),
    Field("item.category", T.TEXT, _("Item: category"), _("category")),
    Field("item.brand", T.TEXT, _("Item: brand"), _("brand")),
    Field("item.quantity", T.NUMBER, _("Item: quantity"), _("quantity")),
    Field("item.amount", T.MONEY, _("Item: amount of the line"), _("amount")),
    Field("item.unit_price", T.MONEY, _("Item: unit price"), _("unit price")),
    Field(
        "item.gift_card",
        T.BOOLEAN,
        _("Item: gift card"),
        _("gift card"),
        yes=_("the gift card mark"),
        no=_("no gift card mark"),
    ),
]
MEMBER = [
    Field(
        "member.tier",
        T.CHOICE,  # code of the tier, None without one
        _("Tier"),
        _("the member's tier"),
        absent=_("the member had no tier"),
    ),
    Field("member.state", T.CHOICE, _("Member state"), _("the member's state"), choices=MEMBER_STATES),
    Field("member.age", T.NUMBER, _("Age"), _("the member's age"), private=True),  # in whole years
    Field("member.enrolled", T.DATE, _("Joined on"), _("the member's joining date")),
    Field(
        "member.days_since_enrolled", T.NUMBER, _("Days since joining"), _("the number of days since joining")
    ),
    Field(
        "member.birthday_month",
        T.NUMBER,  # 1 to 12
        _("Birthday month"),
        _("the month of the member's birthday"),
        private=True,
    ),
    Field(
        "member.is_birthday",
        T.BOOLEAN,
        _("Birthday today"),
        _("the member's birthday"),
        private=True,
        yes=_("it is the member's birthday"),
        no=_("it is not the member's birthday"),
    ),
    Field("member.segments", T.SET, _("Segments"), _("the member's segments")),  # codes of segments
]
ACTIVITY = [
    Field("activity.spend", T.MONEY, _("Spend in a window"), _("the member's spend"), windowed=True),
    Field(
        "activity.orders",
        T.NUMBER,
        _("Orders in a window"),
        _("the member's number of orders"),
        windowed=True,
    ),
    Field(
        "activity.visits",
        T.NUMBER,
        _("Visits in a window"),
        _("the member's number of visits"),
        windowed=True,
    ),
    Field("activity.points", T.NUMBER, _("Points earned in a window"), _("the points earned"), windowed=True),
]
TIME = [
    Field("time.weekday", T.CHOICE, _("Day of the week"), _("the day of the week"), choices=WEEKDAYS),
    Field("time.hour", T.NUMBER, _("Hour"), _("the hour of the day")),  # 0 to 23
    Field("time.time", T.TIME, _("Time of day"), _("the time of day")),
    Field("time.date", T.DATE, _("Date"), _("the date")),
]

STANDARD = Schema([*ORDER, *ITEM, *CHANNEL_AND_EVENT, *MEMBER, *ACTIVITY, *TIME])
