"""Tasks carry no data: they only say "look". What there is to do is in the database."""

from celery import shared_task

from loyalty.base import jobs
from rewards import sweep


@shared_task(name="rewards.tasks.close_due", ignore_result=True)
def close_due() -> None:
    """Close reservations and codes whose time has run out; sent by beat every few seconds."""
    sweep.run(jobs.database_time())
