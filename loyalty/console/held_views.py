"""A form that was sent by somebody who had been signed out, or whose page is older than their sign-in. What they typed
is still in their browser (`held.js`), and can be sent from here."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.csrf import csrf_failure
from django.views.decorators.http import require_GET

from loyalty.console.access import ScreenRequest, in_words, screen, sent_from, show
from loyalty.console.middleware import PLACES


@require_GET
@screen()
def held(request: ScreenRequest) -> HttpResponse:
    """Where who had been signed out comes to after the sign-in."""
    page = request.GET.get("page", "")
    is_ours = urlsplit(page).path.startswith(PLACES) and url_has_allowed_host_and_scheme(
        page, allowed_hosts=None
    )
    return _page(request, page if is_ours else reverse("admin:index"), status=200)


def stale(request: HttpRequest, reason: str = "") -> HttpResponse:
    """What Django answers to a form without a valid token against forgery. One of ours whose sender has signed in again
    since its page was opened can be sent again; one of another site is not in the browser's keeping."""
    if not request.path.startswith(PLACES) or not admin.site.has_permission(request):
        return csrf_failure(request, reason)
    if "HX-Request" in request.headers:
        told = _(
            "You signed in again since this page was opened. Save it, or open it anew: what you typed is kept."
        )
        return in_words(told, status=403)
    return _page(request, sent_from(request), status=403)


def _page(request: HttpRequest, back: str, *, status: int) -> HttpResponse:
    return show(request, "console/held.html", {"title": _("Not sent yet"), "back": back}, status=status)
