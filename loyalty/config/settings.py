"""All settings, from the environment with defaults for development. docs/operations.md lists the variables."""

import os
from datetime import timedelta
from pathlib import Path

import structlog
from csp.constants import NONE, SELF, UNSAFE_EVAL
from psycopg import IsolationLevel

from loyalty.config import logs
from loyalty.config.addresses import broker_address, database_address
from loyalty.config.embedded import postgres, state, valkey
from loyalty.config.environment import choice, flag, items, number, secret
from loyalty.config.unfold import UNFOLD  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]


def _secret(name: str, development_file: str) -> str:
    """As given; generated once in development; else empty."""
    return secret(name) or (state.secret(development_file) if DEBUG else "")


# --- What this process is -----------------------------------------------------------------------------------
# A real database means that this is no playground, so development has to be asked for.
DEBUG = flag("LAUREL_DEBUG", default=not os.environ.get("DATABASE_URL"))
# "command" (set by manage.py): one connection, and statements may take their time. Else a web server or a worker.
PROCESS = os.environ.get("LAUREL_PROCESS", "service")
SECRET_KEY = _secret("LAUREL_SECRET_KEY", "secret_key")
SECRET_KEY_FALLBACKS = items("LAUREL_SECRET_KEY_FALLBACKS")
# Hashes API keys. Apart from SECRET_KEY, so that rotating that one leaves every key valid.
KEY_PEPPER = _secret("LAUREL_KEY_PEPPER", "key_pepper")
# Encrypts voucher codes, which have to be shown again. Earlier keys still decrypt, so it can be rotated.
CODE_KEY = _secret("LAUREL_CODE_KEY", "code_key")
CODE_KEY_FALLBACKS = items("LAUREL_CODE_KEY_FALLBACKS")
ALLOWED_HOSTS = items("LAUREL_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]" if DEBUG else "")
CSRF_TRUSTED_ORIGINS = items("LAUREL_CSRF_TRUSTED_ORIGINS")
# How many proxies of ours stand in front and append to X-Forwarded-For. 0: the header is never believed.
PROXY_COUNT = number("LAUREL_PROXY_COUNT", 0)

# --- Apps ---------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.simple_history",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "polymorphic",
    "simple_history",
    "django_htmx",
    "pgtrigger",
    "axes",
    "csp",
    "loyalty.config",
    "loyalty.base",
    "loyalty.programs",
    "loyalty.members",
    "loyalty.outbox",
    "loyalty.ledger",
    "loyalty.events",
    "loyalty.console",
    "tiers",
    "rewards",
    "campaigns",
]
MIDDLEWARE = [
    "loyalty.base.middleware.RequestId",
    "loyalty.base.middleware.Api",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "loyalty.console.form_program.FormProgram",
    "loyalty.console.middleware.ProgramZone",
    # Last, as it turns a refused login into its answer.
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "loyalty.config.urls"
WSGI_APPLICATION = "loyalty.config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Before the apps, so that a template of ours wins over Unfold's of the same name.
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "builtins": ["loyalty.console.templatetags.own_forms"],
        },
    },
]

# --- Database -----------------------------------------------------------------------------------------------
# The embedded server's address is known before it runs, so any command reaches the one that is running.
_database = database_address(os.environ.get("DATABASE_URL") or postgres.development_cluster().url)
_limits_ms = {
    "lock_timeout": number("LAUREL_LOCK_TIMEOUT_MS", 3_000),
    "statement_timeout": number("LAUREL_STATEMENT_TIMEOUT_MS", 0 if PROCESS == "command" else 30_000),
    "idle_in_transaction_session_timeout": number("LAUREL_IDLE_TIMEOUT_MS", 60_000),
}
DATABASES = {
    "default": {
        "ENGINE": "loyalty.base.postgresql",
        "NAME": _database.name,
        "USER": _database.user,
        "PASSWORD": _database.password,
        "HOST": _database.host,
        "PORT": _database.port,
        # Each thread of a server keeps its connection; a restarted database costs nobody an error.
        "CONN_MAX_AGE": 0 if PROCESS == "command" else None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            "connect_timeout": 5,
            # Only for statements that ask for it (loyalty.base.prepared); Django's own are never prepared.
            "prepare_threshold": 5,
            "application_name": "laurel",
            **_database.options,
            "isolation_level": IsolationLevel.READ_COMMITTED,
            "options": " ".join(f"-c {name}={limit}" for name, limit in _limits_ms.items()),
        },
    },
}

# --- Broker and jobs ----------------------------------------------------------------------------------------
_broker = broker_address(os.environ.get("REDIS_URL") or valkey.development_broker().url)
REDIS_URL = _broker.client
RATE_LIMIT_URL = _broker.limits
CELERY_BROKER_URL = _broker.celery
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Longer than any task may run, or a slow task would be given out twice.
    "visibility_timeout": 900,
    "socket_connect_timeout": 2,
    "socket_timeout": 10,
    # A message only wakes a worker; the sweep finds the work without it. So nobody waits for a broker that is down.
    "max_retries": 0,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SOFT_TIME_LIMIT = 540
CELERY_TASK_TIME_LIMIT = 600
CELERY_TIMEZONE = "UTC"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
# How many jobs of people run at the same time, on all workers together: fewer than there are worker processes, so that
# events never wait for a long one.
JOBS_AT_ONCE = number("LAUREL_JOBS_AT_ONCE", 1)
# Each expires before its next turn: without a worker no backlog of wake-ups grows.
CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "campaigns.tasks.drain",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
    "jobs": {
        "task": "loyalty.base.tasks.run_jobs",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
    "holds": {
        "task": "loyalty.ledger.tasks.release_lapsed",
        "schedule": timedelta(seconds=15),
        "options": {"expires": 15},
    },
    "rewards": {
        "task": "rewards.tasks.close_due",
        "schedule": timedelta(seconds=15),
        "options": {"expires": 15},
    },
    "nightly": {
        "task": "loyalty.programs.tasks.nightly",
        "schedule": timedelta(minutes=10),
        "options": {"expires": 600},
    },
    "verify": {
        # Once a day: the first call of the day that finds a worker makes the proof, the others find it made.
        "task": "loyalty.ledger.tasks.verify",
        "schedule": timedelta(hours=1),
        "options": {"expires": 3600},
    },
    "beat": {
        "task": "loyalty.base.tasks.beat_heartbeat",
        "schedule": timedelta(seconds=15),
        "options": {"expires": 15},
    },
}

# --- Language, time, files ----------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = ["loyalty.config.formats"]
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = Path(os.environ.get("LAUREL_STATIC_ROOT") or ROOT / "staticfiles")
STATICFILES_DIRS = [ROOT / "static"]
_static_storage = (
    "django.contrib.staticfiles.storage.StaticFilesStorage"
    if DEBUG
    else "whitenoise.storage.CompressedManifestStaticFilesStorage"
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _static_storage},
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG

# --- Staff --------------------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
_validation = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_validation}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_validation}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": f"{_validation}.CommonPasswordValidator"},
    {"NAME": f"{_validation}.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"
# For who opens the login page itself.
LOGIN_REDIRECT_URL = "admin:index"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
# The name alone too: guessing one account from many addresses must end as well.
AXES_LOCKOUT_PARAMETERS = ["username", "ip_address"]
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False
AXES_IPWARE_PROXY_COUNT = PROXY_COUNT
AXES_IPWARE_PROXY_ORDER = "left-most"
AXES_IPWARE_META_PRECEDENCE_ORDER = ["HTTP_X_FORWARDED_FOR" if PROXY_COUNT else "REMOTE_ADDR"]

# --- Browser ------------------------------------------------------------------------------------------------
_secure = not DEBUG
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = _secure
SESSION_COOKIE_HTTPONLY = True
# The prefix makes the browser refuse the cookie from a sister domain.
SESSION_COOKIE_NAME = "__Host-session" if _secure else "session"
CSRF_FAILURE_VIEW = "loyalty.console.held_views.stale"
CSRF_COOKIE_NAME = "__Host-csrftoken" if _secure else "csrftoken"
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if _secure else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _secure
# Probes come over plain HTTP from inside.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PROXY_COUNT else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        # Alpine, which Unfold's screens run on, evaluates its attributes; inline scripts stay forbidden.
        "script-src": [SELF, UNSAFE_EVAL],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

# --- Logs ---------------------------------------------------------------------------------------------------
LOGGING = logs.configuration(
    level=choice("LAUREL_LOG_LEVEL", "INFO", logs.LEVELS),
    renderer=structlog.dev.ConsoleRenderer(colors=False) if DEBUG else structlog.processors.JSONRenderer(),
)
