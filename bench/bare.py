"""The limit of the API: the same server with the barest django-ninja endpoints, without middleware, keys or checks."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from ninja import NinjaAPI, Schema

from loyalty.base.ids import uuid7

api = NinjaAPI(docs_url=None, openapi_url=None)

_INSERT = """
    INSERT INTO events_event (id, program_id, source, external_id, type, order_reference, occurred_at, received_at,
        payload, content_hash, status, attempts, error, next_attempt_at)
    VALUES (%s, %s, 'bare', %s, %s, '', %s, %s, %s, '', 'processed', 0, '', NULL)
"""
_READ = "SELECT id, balance, debt, lifetime FROM ledger_wallet WHERE member_id = %s"


class BareEvent(Schema):
    id: str
    type: str
    occurred_at: datetime
    member: str
    data: dict[str, object]


@api.post("/events")
def insert(request: HttpRequest, event: BareEvent) -> dict[str, object]:
    made = uuid7()
    now = datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT, [made, 1, event.id, event.type, event.occurred_at, now, json.dumps(event.data)]
        )
    return {"event": str(made), "status": "received"}


@api.get("/members/{member}/balances")
def read(request: HttpRequest, member: UUID) -> dict[str, object]:
    with connection.cursor() as cursor:
        cursor.execute(_READ, [member])
        wallet, balance, debt, lifetime = cursor.fetchone()
    return {"wallet": wallet, "balance": balance, "debt": debt, "lifetime": lifetime}


urlpatterns = [path("api/v1/", api.urls), path("healthz", lambda request: HttpResponse())]
