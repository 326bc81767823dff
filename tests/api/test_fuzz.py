"""Requests made up from the public document, right and wrong: none may break the house."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from loyalty.programs.models import Channel
from tests.api.calls import Caller, make_key
from tests.examples import examples

schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture
def busy(channel: Channel, ana: str) -> Iterator[Caller]:
    """Calls the server itself, not Django's test client, which spares the test's connection by this."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield Caller(make_key(channel, rate_per_minute=1_000_000)[1])
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@schema.parametrize()
@settings(
    max_examples=examples(25),
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_request_is_answered_with_a_server_error(case: Any, busy: Caller) -> None:
    response = case.call(headers={"Authorization": f"Bearer {busy.key}"})
    case.validate_response(response, checks=CHECKS)
    if response.status_code >= 400:
        assert response.headers["content-type"] == ["application/problem+json"]
