"""The smallest API: what all endpoints share, without any of them."""

from __future__ import annotations

import threading
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.urls import path
from ninja import Router
from pydantic import BaseModel, ConfigDict, Field

from loyalty.base import clock, http
from loyalty.base.errors import Conflict, Invalid
from loyalty.base.paging import Limit
from loyalty.config.api import build
from loyalty.outbox.models import Fact
from loyalty.programs.endpoint import caller_of, endpoint, once, read_object
from loyalty.programs.models import Scope


class Note(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    points: Annotated[int, Field(ge=1)]
    text: Annotated[str, Field(max_length=20)] = ""


class Noted(BaseModel):
    points: int


router = Router()
gate = threading.Event()


@endpoint(router, "GET", "/notes/{path:note}", scope=Scope.MEMBERS_READ, summary="Look", answers={200: Noted})
def look(request: HttpRequest, note: str, limit: Limit = 5) -> HttpResponse:
    return http.answer({"note": note, "limit": limit, "program": caller_of(request).program.code})


@endpoint(router, "POST", "/raw", scope=Scope.EVENTS_WRITE, summary="Echo", answers={200: Noted})
def raw(request: HttpRequest) -> HttpResponse:
    return http.answer({"got": read_object(request)})


@endpoint(
    router,
    "POST",
    "/notes",
    scope=Scope.POINTS_REDEEM,
    summary="Write",
    answers={200: Noted},
    idempotent=True,
)
def write(request: HttpRequest, body: Note) -> HttpResponse:
    return once(request, lambda: _write(request, body))


def _write(request: HttpRequest, body: Note) -> tuple[int, Any]:
    at = clock.now()
    Fact.objects.create(program=caller_of(request).program, type="note", occurred_at=at, recorded_at=at)
    match body.text:
        case "refuse":
            raise Conflict("Not now.", code="not_now")
        case "invalid":
            raise Invalid("Never.", code="never")
        case "crash":
            raise RuntimeError("a secret of the house")
    return 201, {"points": body.points, "n": Fact.objects.count()}


tiny = build("tiny")
tiny.add_router("", router)
urlpatterns = [path("api/v1/", tiny.urls)]
