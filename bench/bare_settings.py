"""Our settings without middleware, for the bare endpoints."""

from loyalty.config.settings import *  # noqa: F403

MIDDLEWARE = []
ROOT_URLCONF = "bench.bare"
