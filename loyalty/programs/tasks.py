"""Tasks of the programs."""

from celery import shared_task

from loyalty.base import jobs
from loyalty.programs import nightly as nights

HOURS = 3600


# The run goes on for as long as it takes; a second delivery of the message finds the night claimed.
@shared_task(name="loyalty.programs.tasks.nightly", soft_time_limit=11 * HOURS, time_limit=12 * HOURS)
def nightly() -> None:
    """Run every night that is due."""
    nights.run_due(jobs.database_time())
