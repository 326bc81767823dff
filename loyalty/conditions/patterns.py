"""Whole-sentence patterns, so that every language keeps its own word order.

Operators that only a "not" brings about (`not_between`, `not_contains`...) have patterns of their own.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from loyalty.base.words import Words

Patterns = dict[str, Words]

INVERSE = {
    "eq": "ne",
    "ne": "eq",
    "in": "not_in",
    "not_in": "in",
    "gt": "lte",
    "lte": "gt",
    "gte": "lt",
    "lt": "gte",
    "between": "not_between",
    "contains": "not_contains",
    "starts_with": "not_starts_with",
    "exists": "not_exists",
    "not_exists": "exists",
    "has_any": "has_none",
    "has_none": "has_any",
    "has_all": "not_has_all",
}

STATEMENTS: Patterns = {
    "eq": _("%(field)s is %(value)s"),
    "ne": _("%(field)s is not %(value)s"),
    "in": _("%(field)s is %(value)s"),
    "not_in": _("%(field)s is not %(value)s"),
    "gt": _("%(field)s is more than %(value)s"),
    "gte": _("%(field)s is at least %(value)s"),
    "lt": _("%(field)s is less than %(value)s"),
    "lte": _("%(field)s is at most %(value)s"),
    "between": _("%(field)s is from %(low)s to %(high)s"),
    "not_between": _("%(field)s is not from %(low)s to %(high)s"),
    "contains": _("%(field)s contains %(value)s"),
    "not_contains": _("%(field)s does not contain %(value)s"),
    "starts_with": _("%(field)s starts with %(value)s"),
    "not_starts_with": _("%(field)s does not start with %(value)s"),
    "exists": _("%(field)s is known"),
    "not_exists": _("%(field)s is not known"),
    "has_any": _("%(field)s include %(value)s"),
    "has_all": _("%(field)s include all of %(value)s"),
    "has_none": _("%(field)s do not include %(value)s"),
    "not_has_all": _("%(field)s do not include all of %(value)s"),
}

# Dates and times of day read better with words of their own.
MOMENTS: Patterns = {
    "gt": _("%(field)s is after %(value)s"),
    "gte": _("%(field)s is %(value)s or later"),
    "lt": _("%(field)s is before %(value)s"),
    "lte": _("%(field)s is %(value)s or earlier"),
}

MOMENT_MISSES: Patterns = {
    "gt": _("%(field)s was %(was)s, needed after %(value)s"),
    "gte": _("%(field)s was %(was)s, needed %(value)s or later"),
    "lt": _("%(field)s was %(was)s, needed before %(value)s"),
    "lte": _("%(field)s was %(was)s, needed %(value)s or earlier"),
}

# What an item has: after "any item has", "the number of items with".
ITEM_TRAITS: Patterns = {
    "eq": _("%(field)s %(value)s"),
    "ne": _("%(field)s other than %(value)s"),
    "in": _("%(field)s %(value)s"),
    "not_in": _("%(field)s other than %(value)s"),
    "gt": _("%(field)s above %(value)s"),
    "gte": _("%(field)s of at least %(value)s"),
    "lt": _("%(field)s below %(value)s"),
    "lte": _("%(field)s of at most %(value)s"),
    "between": _("%(field)s from %(low)s to %(high)s"),
    "not_between": _("%(field)s outside %(low)s to %(high)s"),
    "contains": _("%(field)s containing %(value)s"),
    "not_contains": _("%(field)s without %(value)s in it"),
    "starts_with": _("%(field)s starting with %(value)s"),
    "not_starts_with": _("%(field)s not starting with %(value)s"),
    "exists": _("a known %(field)s"),
    "not_exists": _("no known %(field)s"),
    "has_any": _("%(field)s with %(value)s"),
    "has_all": _("%(field)s with all of %(value)s"),
    "has_none": _("%(field)s without %(value)s"),
    "not_has_all": _("%(field)s without some of %(value)s"),
}

MISSES: Patterns = {
    "eq": _("%(field)s was %(was)s, needed %(value)s"),
    "ne": _("%(field)s was %(was)s, needed anything else"),
    "in": _("%(field)s was %(was)s, needed %(value)s"),
    "not_in": _("%(field)s was %(was)s, needed anything but %(value)s"),
    "gt": _("%(field)s was %(was)s, needed more than %(value)s"),
    "gte": _("%(field)s was %(was)s, needed at least %(value)s"),
    "lt": _("%(field)s was %(was)s, needed less than %(value)s"),
    "lte": _("%(field)s was %(was)s, needed at most %(value)s"),
    "between": _("%(field)s was %(was)s, needed from %(low)s to %(high)s"),
    "not_between": _("%(field)s was %(was)s, needed anything outside %(low)s to %(high)s"),
    "contains": _("%(field)s was %(was)s, needed to contain %(value)s"),
    "not_contains": _("%(field)s was %(was)s, needed not to contain %(value)s"),
    "starts_with": _("%(field)s was %(was)s, needed to start with %(value)s"),
    "not_starts_with": _("%(field)s was %(was)s, needed not to start with %(value)s"),
    "exists": _("%(field)s was not given"),
    "not_exists": _("%(field)s was %(was)s, needed none"),
    "has_any": _("%(field)s were %(was)s, needed %(value)s"),
    "has_all": _("%(field)s were %(was)s, needed all of %(value)s"),
    "has_none": _("%(field)s were %(was)s, needed none of %(value)s"),
    "not_has_all": _("%(field)s were %(was)s, needed some of %(value)s to be absent"),
}

ITEM_STATEMENTS: Patterns = {
    "any": _("any item has %(traits)s"),
    "every": _("every item has %(traits)s"),
    "none": _("no item has %(traits)s"),
    "not_every": _("not every item has %(traits)s"),
}

# Seen from the outcome: what was found instead.
ITEM_MISSES: Patterns = {
    "any": _("no item has %(traits)s (items: %(names)s)"),
    "every": _("not every item has %(traits)s (others: %(names)s)"),
    "none": _("an item has %(traits)s (items: %(names)s)"),
    "not_every": _("every item has %(traits)s (items: %(names)s)"),
}
ITEM_INVERSE = {"any": "none", "none": "any", "every": "not_every"}
