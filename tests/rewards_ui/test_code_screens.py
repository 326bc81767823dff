"""Codes on screen: uploading a file or a paste as a job, its report, the pool, codes by their last signs."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from loyalty.base import clock, job_files, jobs
from loyalty.base.models import Job
from loyalty.members.models import Member
from loyalty.programs.models import PointType
from rewards import catalogue, redemption, vouchers
from rewards.claiming import Wish
from rewards.models import Code, CodeBatch, Redemption, Reward
from tests.rewards.shop import OLGA, stock_of
from tests.rewards_ui import desk
from tests.rewards_ui.test_catalogue_screens import HOSTILE, text_of

pytestmark = pytest.mark.django_db

FILE = b"code,expires\nALPHA-0001,\nBRAVO-0002,2030-12-31\nALPHA-0001,\nno\n\n"


@pytest.fixture
def pool(points: PointType) -> Reward:
    return desk.a_draft(points, "voucher", name="Cinema")


@pytest.fixture
def olga() -> Client:
    return desk.olga()


def path(pool: Reward) -> str:
    return f"/console/rewards/{pool.pk}/codes/"


def upload(client: Client, pool: Reward, **sent: Any) -> Any:
    return client.post(path(pool), {"expires_at": "", "pasted": "", **sent})


def work() -> Job:
    job = Job.objects.filter(state="queued").get()
    claimed = jobs.claim_row(job, at=clock.now())
    assert claimed is not None
    jobs.carry_out(claimed, vouchers.upload, at=clock.now())
    job.refresh_from_db()
    return job


def test_a_file_becomes_a_job_with_a_report_and_twice_changes_nothing(pool: Reward, olga: Client) -> None:
    answer = upload(olga, pool, file=SimpleUploadedFile("codes.csv", FILE))
    job = work()
    assert answer["Location"] == f"/console/jobs/{job.pk}/"
    assert stock_of(pool).loaded == 2
    page = text_of(olga.get(answer["Location"]))
    for told in ("Codes loaded", "Repeated in the file", "Bad lines"):
        assert told in page
    errors = b"".join(job_files.read_errors(job)).decode()
    assert "ALPHA-0001" not in errors
    upload(olga, pool, file=SimpleUploadedFile("codes.csv", FILE))
    work()
    assert stock_of(pool).loaded == 2
    batch = CodeBatch.objects.order_by("created_at").last()
    assert batch is not None
    report = text_of(olga.get(f"{path(pool)}{batch.pk}/"))
    assert "It was loaded before" in report
    assert "It stands in this file before" in report


def test_codes_are_pasted_and_shown_by_their_last_signs(pool: Reward, ada: Member, olga: Client) -> None:
    upload(olga, pool, pasted="ALPHA-0001\nBRAVO-0002", expires_at="2031-01-01T00:00")
    work()
    catalogue.publish(pool, by="olga", at=clock.now())
    redemption.redeem(ada, pool, at=clock.now(), actor=OLGA)
    page = text_of(olga.get(path(pool)))
    for told in ("••••0001", "••••0002", "31 Dec 2030", "Issued", "Free", "1 of 2 available"):
        assert told in page
    assert "ALPHA-0001" not in page
    free = text_of(olga.get(f"{path(pool)}?state=free"))
    assert free.count("••••") == 1
    assert olga.get(f"{path(pool)}?state=nonsense").status_code == 200
    assert Code.objects.count() == 2


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({}, "Choose a file, or paste codes."),
        ({"pasted": "A-1234", "file": SimpleUploadedFile("x.csv", b"B-1234")}, "not both"),
        ({"file": SimpleUploadedFile("x.csv", b"\xff\xfe\x00")}, "UTF-8"),
        ({"pasted": "A-1234", "expires_at": "soon"}, "Write a date and a time"),
    ],
)
def test_what_cannot_be_read_is_told_and_starts_nothing(
    pool: Reward, olga: Client, sent: dict[str, Any], told: str
) -> None:
    answer = upload(olga, pool, **sent)
    assert answer.status_code == 422
    assert told in text_of(answer)
    assert not Job.objects.exists()


def test_hostile_file_names_stay_text(pool: Reward, olga: Client) -> None:
    upload(olga, pool, file=SimpleUploadedFile(f"{HOSTILE}.csv", b"<b>bold</b>\n=cmd()|x\nGOOD-0001\n"))
    work()
    batch = CodeBatch.objects.get()
    for page in (path(pool), f"{path(pool)}{batch.pk}/"):
        text = text_of(olga.get(page))
        assert "<script>alert" not in text
        assert "<b>bold" not in text


def test_only_a_voucher_of_this_program_has_a_pool(points: PointType, pool: Reward, olga: Client) -> None:
    five = desk.a_draft(points)
    assert olga.get(path(five)).status_code == 404
    upload(olga, pool, pasted="ALPHA-0001")
    batch = CodeBatch.objects.get()
    assert olga.get(f"{path(five)}{batch.pk}/").status_code == 404
    theirs = desk.a_draft(desk.other_points(), "voucher")
    olga.post("/console/switch/", {"program": points.program.code})
    assert olga.get(path(theirs)).status_code == 404


def test_uploading_needs_its_own_permission(pool: Reward) -> None:
    rita = desk.rita()
    assert "Can add code" in text_of(rita.get(path(pool)))
    refused = upload(rita, pool, pasted="ALPHA-0001")
    assert refused.status_code == 403
    assert "Can add code" in text_of(refused)
    assert not Job.objects.exists()


def test_the_gauge_and_the_list_say_the_same_of_codes_that_were_given_out(
    pool: Reward, ada: Member, olga: Client
) -> None:
    upload(olga, pool, pasted="AAAA-1111\nBBBB-2222\nCCCC-3333")
    work()
    catalogue.publish(pool, by="olga", at=clock.now())
    for _ in range(2):
        redemption.redeem(ada, pool, Wish(), at=clock.now(), actor=OLGA)
    used = Code.objects.filter(redemption__isnull=False).first()
    assert used is not None
    Code.objects.filter(pk=used.pk).update(state="used")
    page = text_of(olga.get(path(pool)))
    assert "1 of 3 available, 0 reserved, 2 given out" in page
    assert re.search(r"Of those given out:\s+issued 1,\s+used 1\.", page)
    redemption.cancel(Redemption.objects.get(code__state="issued"), at=clock.now(), actor=OLGA)
    page = text_of(olga.get(path(pool)))
    assert "1 of 2 available, 0 reserved, 1 given out" in page
    assert re.search(r"Of those given out:\s+used 1\.", page)
