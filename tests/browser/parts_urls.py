"""The addresses of the installation, and one page that holds every shared part of the screens."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path

from loyalty.base import clock
from loyalty.config.urls import urlpatterns as real
from loyalty.console.access import ScreenRequest, screen
from loyalty.console.parts import Gauge, Matrix, Stage, Tab
from loyalty.console.shell import context as frame

STEPS = [
    ("none", "No tier"),
    ("bronze", "Bronze"),
    ("silver", "Silver"),
    ("gold", "Gold"),
    ("platinum", "Platinum"),
]
MOVES = {
    ("none", "none"): 812_340, ("none", "bronze"): 1_240, ("bronze", "bronze"): 96_000, ("bronze", "silver"): 310,
    ("silver", "bronze"): 3_905, ("silver", "silver"): 41_222, ("gold", "silver"): 12, ("gold", "gold"): 9_100,
    ("gold", "platinum"): 620, ("platinum", "platinum"): 77,
}  # fmt: skip
BAR = '<button class="lr-btn lr-btn-main" name="act" value="sent" data-bulk-act>Mark as sent</button>'


@screen()
def parts(request: ScreenRequest) -> HttpResponse:
    at = clock.now()
    template = engines["django"].from_string((Path(__file__).parent / "parts.html").read_text("utf-8"))
    shown = {
        "title": "Parts",
        "matrix": Matrix("Who moves", STEPS, MOVES, urls={("gold", "silver"): "?from=gold&to=silver"}),
        "gauges": [
            Gauge(1000, 40, 650, low_at=50), Gauge(1000, 20, 960, low_at=50), Gauge(10, 0, 10), Gauge(None, 3, 90),
        ],
        "stages": [
            Stage("Ordered", "done", at=at - timedelta(days=2)), Stage("Sent", "current", "DHL 0034 0412", at),
            Stage("Delivered", "ahead"),
        ],
        "stopped": [Stage("Ordered", "done"), Stage("Cancelled", "stopped", "Points are back")],
        "tabs": [Tab("New", "?tab=new", 12, current=True), Tab("In progress", "?tab=now", 3), Tab("Sent", "?tab=sent")],
        "bar": engines["django"].from_string(BAR),
        "people": ["Ana Ruíz", "Bob Hill", "Cleo Grant", "Dora Lind"],
    }  # fmt: skip
    return HttpResponse(template.render(frame(request) | admin.site.each_context(request) | shown, request))


@screen()
def scanned(request: ScreenRequest) -> HttpResponse:
    return HttpResponse(f"Found {request.GET['code']}")


def well(request: HttpRequest, member_id: UUID) -> HttpResponse:
    return HttpResponse("<p>Gold until 31 Dec 2026</p><p>412.50 GBP to Platinum</p>")


def broken(request: HttpRequest, member_id: UUID) -> HttpResponse:
    return HttpResponse("<h1>no</h1>", status=500)


def gone(request: HttpRequest, member_id: UUID) -> HttpResponse:
    return HttpResponse("<h1>A whole page</h1>", status=404)


urlpatterns = [
    path("parts/", parts, name="parts"),
    path("parts/scan/", scanned, name="scan"),
    path("panels/well/<uuid:member_id>/", well, name="well"),
    path("panels/broken/<uuid:member_id>/", broken, name="broken"),
    path("panels/gone/<uuid:member_id>/", gone, name="gone"),
    *real,
]
