"""The web application. In production it refuses to start with unsafe settings."""

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.config.settings")

from django.conf import settings
from django.core.checks import ERROR, run_checks
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from loyalty.config import checks, memory

application = get_wsgi_application()

if not settings.DEBUG:
    results = run_checks(tags=[checks.TAG], include_deployment_checks=True)
    refused = [result for result in results if result.level >= ERROR]
    if refused:
        sys.exit("\n".join(["Laurel does not start with these settings:", *map(str, refused)]))

if os.environ.get("LAUREL_DEMO"):
    # From now on, with all else as in development: visitors see our pages of errors and not Django's.
    settings.DEBUG = False

get_resolver().url_patterns  # noqa: B018  # everything a request needs is loaded now
memory.keep_what_is_loaded()
