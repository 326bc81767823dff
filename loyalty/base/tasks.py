"""Tasks of the base."""

from celery import shared_task

from loyalty.base import clock, job_runs, jobs

HOURS = 3600


@shared_task(name="loyalty.base.tasks.beat_heartbeat")
def beat_heartbeat() -> None:
    """Proves that scheduler, broker, worker and database work together."""
    jobs.beat("beat", at=clock.now())


# A job goes on for as long as it takes; a second delivery of the message finds it claimed.
@shared_task(name="loyalty.base.tasks.run_jobs", soft_time_limit=11 * HOURS, time_limit=12 * HOURS)
def run_jobs() -> None:
    """Carry out the jobs of people that wait; sent when one is started, and by beat every few seconds."""
    job_runs.run_waiting(jobs.database_time)
