"""Tasks of the installation itself."""

from celery import shared_task

from loyalty.base import clock
from loyalty.config import health


@shared_task
def heartbeat() -> None:
    """Proves that the scheduler, the broker and a worker are alive; /readyz shows its age."""
    health.record_heartbeat(at=clock.now())
