"""Tasks of the base."""

from celery import shared_task

from loyalty.base import clock, jobs


@shared_task(name="loyalty.base.tasks.beat_heartbeat")
def beat_heartbeat() -> None:
    """Proves that scheduler, broker, worker and database work together."""
    jobs.beat("beat", at=clock.now())
