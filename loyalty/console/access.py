"""The door of every screen: signed in as staff, allowed, and inside the chosen program."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.contrib import admin, messages
from django.contrib.auth.models import Permission
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.defaults import permission_denied
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from loyalty.programs.models import Program
from loyalty.programs.scope import current_program

P = ParamSpec("P")


class ScreenRequest(HttpRequest):
    """What a screen's view gets: the chosen program is there for certain."""

    program: Program
    htmx: HtmxDetails


View = Callable[Concatenate[ScreenRequest, P], HttpResponseBase]


def screen(*permissions: str) -> Callable[[View[P]], Callable[Concatenate[HttpRequest, P], HttpResponseBase]]:
    """Let staff with all these permissions in; others sign in, or read what they lack and who can grant it."""

    def wrap(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        @wraps(view)
        def inner(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not admin.site.has_permission(request):
                return to_sign_in(request)
            missing = [one for one in permissions if not request.user.has_perm(one)]
            if missing:
                return refuse(request, missing)
            program = current_program(request)
            if program is None:
                return redirect("admin:index")
            request.program = program  # type: ignore[attr-defined]
            answer = view(cast(ScreenRequest, request), *args, **kwargs)
            answer.headers.setdefault("Cache-Control", "no-store")
            answer.headers["Vary"] = "HX-Request, Cookie"
            return answer

        return inner

    return wrap


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """To the sign-in, and from there back to the page. What was sent by somebody who had been signed out is not carried
    out: that is said, and what they typed, which their browser has kept, can be sent then (`console:held`)."""
    htmx = cast(ScreenRequest, request).htmx
    if request.method in ("GET", "HEAD"):
        answer = redirect_to_login(sent_from(request) if htmx else request.get_full_path(), "admin:login")
        return HttpResponseClientRedirect(answer.url) if htmx else answer
    if htmx:
        told = _(
            "You have been signed out. Sign in in another tab and go on here: what you typed is not lost."
        )
        return in_words(told, status=401)
    told = _("You had been signed out: what you sent was not carried out, and nothing was changed.")
    messages.warning(request, told)
    back = urlencode({"page": sent_from(request)})
    return redirect_to_login(f"{reverse('console:held')}?{back}", "admin:login")


def in_words(told: str, *, status: int) -> HttpResponse:
    """The answer to a part of a page that asked in vain: the page stays as it is, and says this."""
    return HttpResponse(told, status=status, content_type="text/plain; charset=utf-8")


def sent_from(request: HttpRequest) -> str:
    """The page, as the browser tells it; Home for one of another site, or none."""
    told = cast(ScreenRequest, request).htmx.current_url or request.headers.get("Referer", "")
    parts = urlsplit(told)
    if parts.netloc != request.get_host():
        return reverse("admin:index")
    return urlunsplit(("", "", parts.path, parts.query, ""))


def refuse(request: HttpRequest, missing: list[str]) -> HttpResponse:
    """403 that says which permission is missing, in the words of the permission list, and who can grant it."""
    names = [_permission_name(one) for one in missing]
    if cast(ScreenRequest, request).htmx:
        told = _("Your account lacks: %(names)s. An administrator can grant it under Staff.")
        return in_words(told % {"names": ", ".join(names)}, status=403)
    context = {"missing": names, "title": _("You may not open this page")}
    return show(request, "console/forbidden.html", context, status=403)


def denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What Django answers where its admin refuses: the page that says which permission is missing, as far as the
    address tells it."""
    match = request.resolver_match
    parts = match.url_name.rsplit("_", 1) if match and match.app_name == "admin" and match.url_name else []
    action = {
        "changelist": "view",
        "change": "view",
        "history": "view",
        "add": "add",
        "delete": "delete",
    }.get(parts[-1] if parts else "")
    if action is None or not admin.site.has_permission(request):
        return permission_denied(request, exception)
    app, _dash, model = parts[0].partition("_")
    return refuse(request, [f"{app}.{action}_{model}"])


def _permission_name(code: str) -> str:
    app, _dot, codename = code.partition(".")
    found = Permission.objects.filter(content_type__app_label=app, codename=codename).first()
    return found.name if found else code


def show(request: HttpRequest, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """A page inside the admin's frame."""
    request.current_app = admin.site.name
    return render(request, template, {**admin.site.each_context(request), **context}, status=status)


def may(request: HttpRequest, permission: str) -> bool:
    return request.user.has_perm(permission)


def actor_name(request: HttpRequest) -> str:
    """The name under which what staff do is recorded."""
    return request.user.get_username()
