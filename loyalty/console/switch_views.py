"""Choosing the program to work in, and the numbers of the home page."""

from __future__ import annotations

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from loyalty.base import clock
from loyalty.console import home
from loyalty.console.access import ScreenRequest, screen, show, to_sign_in
from loyalty.programs.models import Program
from loyalty.programs.scope import choose_program


@require_http_methods(["GET", "POST"])
def switch(request: HttpRequest) -> HttpResponse:
    """GET asks, POST switches: a link that somebody else made changes nothing."""
    if not admin.site.has_permission(request):
        return to_sign_in(request)
    code = request.POST.get("program") or request.GET.get("program", "")
    if request.method == "POST":
        if choose_program(request, code) is None:
            raise Http404
        return (
            HttpResponseClientRedirect(reverse("admin:index"))
            if "HX-Request" in request.headers
            else redirect("admin:index")
        )
    context = {"title": _("Switch program"), "programs": Program.objects.order_by("name"), "wanted": code}
    return show(request, "console/switch.html", context)


@require_GET
@screen("members.view_member")
def numbers(request: ScreenRequest) -> HttpResponse:
    """The quick numbers, fetched by the home page so that they never hold it up."""
    context = {"numbers": home.numbers(request.program, clock.now()), "program": request.program}
    return render(request, "console/_numbers.html", context)
