"""How the admin presents itself: brand, navigation, program switcher. Colours are in static/console/console.css,
because the content security policy allows no inline style."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext_lazy as _

Item = dict[str, Any]


def _may(*permissions: str) -> Callable[[HttpRequest], bool]:
    return lambda request: all(request.user.has_perm(permission) for permission in permissions)


def _item(title: Any, icon: str, link: str, *permissions: str) -> Item:
    return {"title": title, "icon": icon, "link": reverse_lazy(link), "permission": _may(*permissions)}


def _models(app: str, *rows: tuple[Any, str, str]) -> list[Item]:
    return [
        _item(title, icon, f"admin:{app}_{model}_changelist", f"{app}.view_{model}")
        for title, icon, model in rows
    ]


def _in_queue(request: HttpRequest) -> bool:
    """The addresses of the queue, and of what members have taken, lie below those of rewards."""
    taken = f"{reverse('rewards:list')}redemptions/"
    return request.path.startswith((reverse("rewards:queue"), reverse("rewards:pickup"), taken))


def _in_catalogue(request: HttpRequest) -> bool:
    return request.path.startswith(reverse("rewards:list")) and not _in_queue(request)


def _at_a_members_tier(request: HttpRequest) -> bool:
    """The pages of one member's tier lie below those of tiers."""
    return request.path.startswith(f"{reverse('tiers:list')}members/")


def _in_members(request: HttpRequest) -> bool:
    return request.path.startswith(reverse("console:members")) or _at_a_members_tier(request)


def _in_tiers(request: HttpRequest) -> bool:
    return request.path.startswith(reverse("tiers:list")) and not _at_a_members_tier(request)


NAVIGATION = [
    {
        "items": [
            _item(_("Home"), "home", "admin:index"),
            _item(_("Members"), "group", "console:members", "members.view_member") | {"active": _in_members},
            _item(_("Campaigns"), "campaign", "campaigns:list", "campaigns.view_campaign"),
            _item(_("Tiers"), "workspace_premium", "tiers:list", "tiers.view_tierset")
            | {"active": _in_tiers},
            _item(_("Rewards"), "redeem", "rewards:list", "rewards.view_reward") | {"active": _in_catalogue},
            _item(_("Fulfilment"), "local_shipping", "rewards:queue", "rewards.view_redemption")
            | {"badge": "rewards.screens.badge.to_fulfil", "active": _in_queue},
            *_models("events", (_("Events"), "inbox", "event")),
        ],
    },
    {
        "title": _("Books"),
        "separator": True,
        "items": _models(
            "ledger",
            (_("Transactions"), "receipt_long", "transaction"),
            (_("Entries"), "list_alt", "entry"),
            (_("Lots"), "layers", "lot"),
        ),
    },
    {
        "title": _("Settings"),
        "separator": True,
        "items": [
            *_models(
                "programs",
                (_("Programs"), "storefront", "program"),
                (_("Point types"), "toll", "pointtype"),
                (_("Channels and keys"), "key", "channel"),
            ),
            *_models("events", (_("Event types"), "category", "eventtype")),
            _item(
                _("Imports"), "upload_file", "imports:list", "programs.change_program", "tiers.add_placement"
            ),
            _item(_("Jobs"), "schedule", "console:jobs"),
            *_models("outbox", (_("Facts"), "history", "fact")),
            *_models("auth", (_("Staff"), "badge", "user"), (_("Groups"), "groups", "group")),
        ],
    },
]

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Laurel",
    "SITE_HEADER": "loyalty.console.shell.site_header",
    "SITE_SYMBOL": "local_florist",
    "SITE_URL": None,
    "SITE_DROPDOWN": "loyalty.console.shell.program_choices",
    "GLOBAL_CALLBACK": "loyalty.console.shell.context",
    "DASHBOARD_CALLBACK": "loyalty.console.home.dashboard",
    "ENVIRONMENT_TITLE_PREFIX": "loyalty.console.shell.title_prefix",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("console/laurel.svg")}
    ],
    "STYLES": [lambda request: static("console/console.css")],
    "SCRIPTS": [lambda request: static("console/console.js"), lambda request: static("console/held.js")],
    "SIDEBAR": {"show_search": True, "command_search": True, "navigation": NAVIGATION},
}
