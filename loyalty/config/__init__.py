"""The composition root: settings, urls, the one API, Celery. Knows all; nobody imports it."""
