"""DATABASE_URL and REDIS_URL, read once into what each library wants."""

from typing import NamedTuple
from urllib.parse import SplitResult, parse_qs, quote, unquote, urlsplit

from loyalty.config.environment import SettingError


class AddressError(SettingError):
    """A URL in the environment that cannot be understood. The message never repeats the URL: it holds a password."""


class DatabaseAddress(NamedTuple):
    """Where PostgreSQL is. `host` is a directory when it begins with a slash."""

    name: str
    user: str
    password: str
    host: str
    port: str
    options: dict[str, str]


class BrokerAddress(NamedTuple):
    """The same Redis in the three spellings of its three readers."""

    client: str
    celery: str
    limits: str


def _split(variable: str, url: str, schemes: tuple[str, ...]) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise AddressError(f"{variable} is not a URL.") from error
    if parts.scheme not in schemes:
        raise AddressError(f"{variable} must begin with one of: {', '.join(schemes)}.")
    return parts


def _query(parts: SplitResult) -> dict[str, str]:
    return {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}


def database_address(url: str) -> DatabaseAddress:
    """Read a libpq URL. Everything may be percent-encoded; a socket directory goes into the host or into `?host=`.

    Raises AddressError.
    """
    parts = _split("DATABASE_URL", url, ("postgresql", "postgres"))
    options = _query(parts)
    name = unquote(parts.path.removeprefix("/"))
    if not name:
        raise AddressError("DATABASE_URL names no database.")
    return DatabaseAddress(
        name=name,
        user=unquote(parts.username or options.pop("user", "")),
        password=unquote(parts.password or options.pop("password", "")),
        # urlsplit's hostname is in lower case, which is wrong for a directory.
        host=options.pop("host", "") or unquote(_host(parts)),
        port=str(parts.port or options.pop("port", "")),
        options=options,
    )


def _host(parts: SplitResult) -> str:
    host = parts.netloc.rpartition("@")[2]
    if parts.port is not None:
        host = host.rpartition(":")[0]
    return host.strip("[]").rstrip(":") if host.startswith("[") else host.rstrip(":")


def broker_address(url: str) -> BrokerAddress:
    """Read redis://, rediss:// or unix:///path/of/socket?db=0. Raises AddressError."""
    parts = _split("REDIS_URL", url, ("redis", "rediss", "unix", "redis+socket"))
    if parts.scheme in ("redis", "rediss"):
        if not parts.hostname:
            raise AddressError("REDIS_URL names no host.")
        return BrokerAddress(url, url, url)
    if not parts.path:
        raise AddressError("REDIS_URL names no socket.")
    query = _query(parts)
    number = query.get("db") or query.get("virtual_host") or "0"
    if not number.isdigit():
        raise AddressError("REDIS_URL: the database must be a number.")
    path = quote(unquote(parts.path))
    login = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    return BrokerAddress(
        client=f"unix://{login}{path}?db={number}",
        celery=f"redis+socket://{login}{path}?virtual_host={number}",
        limits=f"redis+unix://{login}{path}?db={number}",
    )
