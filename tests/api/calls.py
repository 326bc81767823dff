"""Calling the API as a channel does, and reading what it says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.test import Client

from campaigns.models import EarningCampaign
from campaigns.versions import publish
from loyalty.base import clock
from loyalty.programs import credentials
from loyalty.programs.models import ApiKey, Channel, PointType, Program, Scope

Json = dict[str, Any]
Answer = Any  # a response of the test client, which has json() beside what HttpResponse has


def make_program(code: str = "beans", **more: Any) -> Program:
    settings = {"currency": "EUR", "timezone": "Europe/Madrid", "phone_region": "ES", **more}
    program = Program.objects.create(code=code, name=code.title(), created_at=clock.now(), **settings)
    PointType.objects.create(
        program=program,
        code="points",
        name_one="point",
        name_many="points",
        is_default=True,
        redeem_rate="0.01",
        redeem_minimum=100,
        redeem_increment=50,
    )
    return program


def make_channel(program: Program, code: str = "shop", **more: Any) -> Channel:
    return Channel.objects.create(program=program, code=code, name=code, created_at=clock.now(), **more)


def make_key(channel: Channel, *scopes: str, **more: Any) -> tuple[ApiKey, str]:
    wanted = scopes or tuple(Scope.values)
    return credentials.issue(channel, name="key", scopes=wanted, at=clock.now(), **more)


def make_campaign(program: Program) -> None:
    """A point per unit of the currency."""
    began = clock.now() - timedelta(days=365)
    campaign = EarningCampaign.objects.create(
        program=program,
        code="base",
        name="A point per euro",
        point_type=program.point_types.get(is_default=True),
        points=1,
        step=1,
        created_at=began,
        updated_at=began,
    )
    publish(campaign, by="mia", at=clock.now(), effective_from=began)


class Caller:
    """A channel that calls the API with its key."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.client = Client(raise_request_exception=False)
        self.headers: dict[str, str] = {"Authorization": f"Bearer {key}"}

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, None, **headers)

    def post(self, path: str, body: object = None, **headers: str) -> Answer:
        return self.send("POST", path, body, **headers)

    def patch(self, path: str, body: object = None, **headers: str) -> Answer:
        return self.send("PATCH", path, body, **headers)

    def send(self, method: str, path: str, body: object, **headers: str) -> Answer:
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content_type = named.pop("Content-Type", "application/json" if body is not None else "")
        return self.client.generic(
            method,
            path if path.startswith("/api/") else f"/api/v1{path}",
            raw,
            content_type=content_type,
            headers={**self.headers, **named},
        )


def read(response: Answer) -> Json:
    parsed: Json = json.loads(response.content)
    return parsed


def refused(response: Answer, status: int, code: str) -> Mapping[str, Any]:
    """The problem that a refused request was answered with."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    problem = read(response)
    assert problem["code"] == code, problem
    assert problem["status"] == status
    assert problem["request_id"]
    return problem
