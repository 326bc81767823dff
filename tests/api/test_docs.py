"""docs/api.md: its commands work as printed, and its table names every code."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from string import Template

import pytest
from pytest_django.live_server_helper import LiveServer

from campaigns import api as campaigns_api
from campaigns.demo.setting import FILE
from loyalty.base import clock, errors
from loyalty.config import api as config_api
from loyalty.events import errors as events_errors
from loyalty.ledger import api as ledger_api
from loyalty.ledger import checkout
from loyalty.ledger import errors as ledger_errors
from loyalty.members import errors as members_errors
from loyalty.programs import idempotency
from loyalty.programs.files.applying import apply
from loyalty.programs.models import PointType, Program
from rewards import errors as rewards_errors
from tests.api.calls import Caller

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
KNOWN = set(re.findall(r"`([a-z0-9_]+)`", PAGE))
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)[1:]

# Raised by staff screens only, or names of groups that always carry a code of their own.
NOT_OF_THE_API = {"error", "precondition_failed", "reason_required", "other_program"}
NOT_OF_THE_API |= {"event_has_member", "identifier_present", "too_many_requests"}


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("curl")), reason="needs bash and curl")
@pytest.mark.django_db(transaction=True)
def test_every_command_works_as_printed(
    live_server: LiveServer, shop: Caller, program: Program, a_point_per_euro: None
) -> None:
    put_up_those_of_the_demo(program)
    script = "\n".join(block.replace("curl -s ", "curl -sS --fail-with-body ") for block in BLOCKS)
    told = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={**os.environ, "API": f"{live_server.url}/api/v1", "KEY": shop.key},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stdout[-2000:] + told.stderr[-2000:]


def test_every_endpoint_has_a_command() -> None:
    paths = config_api.api.get_openapi_schema(path_prefix="/")["paths"]
    words = {"{member}": "ext:ana", "{event}": "$EVENT", "{transaction}": "$TRANSACTION"}
    words |= {"{offer}": "five-off", "{redemption}": "$REDEMPTION"}
    printed = "".join(BLOCKS).replace("code:$CODE", "$REDEMPTION")
    for path in paths:
        address = re.sub(r"\{\w+\}", lambda found: words[found[0]], path)
        assert re.search(rf"\$API{re.escape(address)}[\s\"?]", printed), address


def put_up_those_of_the_demo(program: Program) -> None:
    """The rewards that the page speaks of, as the demonstration has them, with the tiers of their prices."""
    made = Template(FILE.read_text()).safe_substitute(
        dict.fromkeys(("cupping_first", "cupping_second", "cupping_third"), "2099-05-02T17:00:00Z")
    )
    before, rewards = made.split("\nrewards:\n")
    tiers = before.split("\ntiers:\n")[1].split("\ncampaigns:\n")[0]
    PointType.objects.create(program=program, code="cups", name_one="cup", name_many="cups")
    about = f"{{code: {program.code}, name: Beans, currency: EUR, timezone: Europe/Madrid, phone_region: ES}}"
    text = f"format: 1\nprogram: {about}\ntiers:\n{tiers}\nrewards:\n{rewards}"
    apply(text.encode(), at=clock.now(), by="olga")


# What is refused of declarations that staff make, and of settings.
NOT_OF_THE_API |= {
    "choice_taken",
    "choices_invalid",
    "code_invalid",
    "code_reserved",
    "code_taken",
    "type_invalid",
}
NOT_OF_THE_API |= {"points_decimals", "zone_unknown"}
NOT_OF_THE_API |= {"stale_draft", "reward_ended", "reward_status", "stock_below_issued", "stock_is_pool"}
NOT_OF_THE_API |= {"claimed_by_other"}
READERS = [
    "base/clock",
    "base/currencies",
    "base/email",
    "base/numbers",
    "base/paging",
    "base/phones",
    "base/schemas",
    "base/strict_json",
    "base/text",
    "events/intake",
    "events/orders",
    "events/payloads",
    "events/reading",
    "events/types",
    "members/identifiers",
    "members/members",
    "members/profiles",
    "programs/attributes",
    "programs/endpoint",
    "../rewards/api",
    "../rewards/claiming",
    "../rewards/deliveries",
    "../rewards/eligibility",
    "../rewards/redemption_api",
]
CODE_IS_ARGUMENT = {"fault": 2, "FieldError": 1, "field": 1, "PydanticCustomError": 0, "Reason": 0}


def _raised() -> Iterator[str]:
    homes = (errors, ledger_errors, members_errors, events_errors, checkout, idempotency, ledger_api)
    for home in (*homes, campaigns_api, rewards_errors):
        for kind in vars(home).values():
            if isinstance(kind, type) and issubclass(kind, errors.LaurelError):
                yield kind.code


def test_the_table_names_the_code_of_every_error() -> None:
    assert set(_raised()) - KNOWN - NOT_OF_THE_API == set()


def _told_of_fields() -> Iterator[str]:
    """The codes that are written in the modules that read bodies and parameters."""
    for name in READERS:
        tree = ast.parse((Path(__file__).parents[2] / "loyalty" / f"{name}.py").read_text())
        for call in [node for node in ast.walk(tree) if isinstance(node, ast.Call)]:
            place = CODE_IS_ARGUMENT.get(getattr(call.func, "attr", getattr(call.func, "id", "")), 99)
            named = [word.value for word in call.keywords if word.arg == "code"]
            for given in named + call.args[place : place + 1]:
                if isinstance(given, ast.Constant) and isinstance(given.value, str):
                    yield given.value


def test_the_table_names_the_code_of_every_fault_of_a_field() -> None:
    told = set(_told_of_fields())
    assert len(told) > 40
    assert told - KNOWN - NOT_OF_THE_API == set()
