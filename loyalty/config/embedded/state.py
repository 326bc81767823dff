"""Where the embedded servers, the logs and the development secrets live, and who owns them."""

import fcntl
import hashlib
import importlib.metadata
import os
import pwd
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from loyalty.config.embedded.leash import Account

ROOT = Path(__file__).resolve().parents[3]
SYSTEM_STATE = Path("/var/lib/laurel")


class EmbeddedError(Exception):
    """An embedded server cannot be had; the message says what to do."""


def server_account() -> Account | None:
    """None for ordinary users. For root an unprivileged account, because PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedError("Running as root needs an account 'postgres' or 'nobody' for the database server.")


def short_hash(path: Path) -> str:
    """Tells checkouts apart in places that they share."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def reachable(path: Path, account: Account | None) -> bool:
    """Whether the account may walk down to the path. Counts only the rights of others and of the owner."""
    if account is None:
        return True
    for step in (path, *path.parents):
        if not step.exists():
            continue
        found = step.stat()
        if not found.st_mode & stat.S_IXOTH and found.st_uid != account.uid:
            return False
    return True


def _private(path: Path, mode: int) -> bool:
    """Make the directory if needed; true when it is really ours and closed to others."""
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
        if path.is_symlink() or path.stat().st_uid != os.geteuid():
            return False
        path.chmod(mode)
    except OSError:
        return False
    return stat.S_IMODE(path.stat().st_mode) == mode


def state_dir() -> Path:
    """The directory of this checkout's data, made on first use.

    `.laurel` in the checkout when that is ours; otherwise one below the home directory, or below /var/lib for root.
    For root it can be walked through (0711), since the servers in it run under another account.
    """
    account = server_account()
    mode = 0o711 if account else 0o700
    if override := os.environ.get("LAUREL_STATE_DIR"):
        candidates = [Path(override).absolute()]
    else:
        candidates = _usual_places(account)
    for candidate in candidates:
        if _private(candidate, mode):
            return candidate
    tried = ", ".join(map(str, candidates))
    raise EmbeddedError(f"No private directory for data could be made (tried {tried}). Set LAUREL_STATE_DIR.")


def _usual_places(account: Account | None) -> list[Path]:
    home = SYSTEM_STATE if account else Path.home() / ".local" / "state" / "laurel"
    places = [home / short_hash(ROOT)]
    if ROOT.stat().st_uid == os.geteuid() and reachable(ROOT, account):
        return [ROOT / ".laurel", *places]
    if account:
        _make_system_state()
    return places


def _make_system_state() -> None:
    """Whatever the umask: the server's account has to walk through it."""
    SYSTEM_STATE.mkdir(parents=True, exist_ok=True)
    SYSTEM_STATE.chmod(0o755)


def server_home(path: Path, account: Account | None) -> None:
    """Make the directory around a server's own: ours, and whatever the umask, the account may walk through it."""
    path.mkdir(exist_ok=True)
    path.chmod(0o711 if account else 0o700)


def owned_dir(path: Path, account: Account | None) -> Path:
    """A directory with mode 0700 that belongs to the server's account. Refuses one that belongs to anybody else."""
    uid = account.uid if account else os.geteuid()
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        pass
    else:
        if account:
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid:
        raise EmbeddedError(f"{path} belongs to somebody else (uid {found.st_uid}, not {uid}): remove it.")
    path.chmod(0o700)
    return path


def socket_dir(state: Path) -> Path:
    """Path of the directory for sockets: short, because a socket's path may have 103 bytes at most."""
    account = server_account()
    uid = account.uid if account else os.geteuid()
    # Not TMPDIR: another shell may have another one, and its path may be too long. Guarded by owned_dir.
    return Path("/tmp") / f"laurel-{uid}-{short_hash(state)}"  # noqa: S108


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold the lock file, so that two commands started together do not start two servers."""
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def readable_copy(package: Path, distribution: str, account: Account | None) -> Path:
    """The package directory itself, or for root a copy (made once) that the account can reach.

    Directories named like `package.libs` beside it come along: the binaries look for their libraries there.
    """
    if reachable(package, account):
        return package
    target = SYSTEM_STATE / "bin" / f"{distribution}-{importlib.metadata.version(distribution)}"
    if not target.exists():
        _make_system_state()
        partial = target.with_name(f"{target.name}.{os.getpid()}")
        partial.mkdir(mode=0o755, parents=True)
        for tree in (package, package.with_name(f"{package.name}.libs")):
            if tree.exists():
                shutil.copytree(tree, partial / tree.name, symlinks=True)
        _open_to_readers(partial)
        partial.rename(target)
    return target / package.name


def _open_to_readers(tree: Path) -> None:
    """A copy keeps the modes of its source, which a strict umask may have closed."""
    for path in (SYSTEM_STATE / "bin", tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def secret(name: str) -> str:
    """A development secret, generated once into the state directory and readable by its owner alone."""
    path = state_dir() / name
    if not path.exists():
        fresh = path.with_name(f"{name}.{os.getpid()}.{secrets.token_hex(4)}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(64))
        # A link fails when another process was faster; then its secret is the one.
        with suppress(FileExistsError):
            path.hardlink_to(fresh)
        fresh.unlink()
    return path.read_text()
