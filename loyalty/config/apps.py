from django.apps import AppConfig

# The Celery app has to exist before anybody sends a task, in the web processes too.
from loyalty.config import celery, checks

__all__ = ["celery", "checks"]


class ConfigConfig(AppConfig):
    name = "loyalty.config"
    label = "config"
