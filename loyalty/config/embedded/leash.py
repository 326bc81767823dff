"""A child process that cannot outlive its parent.

Each child runs under a small helper (this very file, run as a script) that holds a pipe to the parent. When the
parent goes, even by kill -9, the pipe ends; the helper then ends the child, its group, and itself. The helper is
the child's real parent, so there is no moment at which a started child is not yet registered, and no process id
that could have been reused in between.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NamedTuple


class Account(NamedTuple):
    """The unprivileged account a server runs as when we are root."""

    name: str
    uid: int
    gid: int


class Leashed:
    """A child on a leash, as its starter sees it."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path,
        account: Account | None = None,
        cwd: Path = Path("/"),
        env: dict[str, str] | None = None,
        end_signal: signal.Signals = signal.SIGTERM,
        grace_seconds: float = 5,
        remove: Path | None = None,
    ) -> None:
        options = ["--signal", str(int(end_signal)), "--grace", str(grace_seconds)]
        if account:
            options += ["--uid", str(account.uid), "--gid", str(account.gid)]
        if remove:
            options += ["--remove", str(remove)]
        self.log = log
        log.touch(mode=0o600)
        with log.open("wb") as output:
            # In a session of its own, or the terminal's Ctrl-C would reach the servers before us.
            self._helper = subprocess.Popen(
                [sys.executable, "-I", "-S", __file__, *options, "--", *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=cwd,
                env=env,
            )

    def exit_code(self) -> int | None:
        """None while it runs, else its exit code (128 + signal number when a signal ended it)."""
        code = self._helper.poll()
        if code is not None:
            self._end_group()
        return code

    def _end_group(self) -> None:
        """What the child left behind; and the child itself, had somebody killed the helper."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._helper.pid, signal.SIGKILL)

    def release(self) -> None:
        """Let go: the child is asked to end, and killed after its grace."""
        if self._helper.stdin and not self._helper.stdin.closed:
            self._helper.stdin.close()

    def end(self) -> None:
        """Let go and wait until it has ended."""
        self.release()
        self._helper.wait()
        self._end_group()

    def log_tail(self, lines: int = 15) -> str:
        """The last lines it wrote."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--signal", type=int, required=True)
    parser.add_argument("--grace", type=float, required=True)
    parser.add_argument("--uid", type=int)
    parser.add_argument("--gid", type=int)
    parser.add_argument("--remove", type=Path)
    parser.add_argument("command", nargs="+")
    return parser.parse_args()


def _end_with_parent(
    child: "subprocess.Popen[bytes]", options: argparse.Namespace, gone: threading.Event
) -> None:
    sys.stdin.buffer.read()
    gone.set()
    child.send_signal(options.signal)
    try:
        child.wait(options.grace)
    except subprocess.TimeoutExpired:
        child.kill()


def _stay(number: int, frame: FrameType | None) -> None:
    """A handler instead of SIG_IGN, because an ignored signal would be ignored by the child too."""


def main() -> int:
    """Run the command until it ends or the parent does."""
    options = _arguments()
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, _stay)
    drop = {} if options.uid is None else {"user": options.uid, "group": options.gid, "extra_groups": []}
    child = subprocess.Popen(options.command, stdin=subprocess.DEVNULL, **drop)
    gone = threading.Event()
    threading.Thread(target=_end_with_parent, args=(child, options, gone), daemon=True).start()
    code = child.wait()
    if options.remove:
        shutil.rmtree(options.remove, ignore_errors=True)
    if gone.is_set():
        # Whatever the child left behind, this helper included: nobody is there to do it.
        os.killpg(0, signal.SIGKILL)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    # Not sys.exit: the watching thread may still sit in its read of stdin.
    os._exit(main())
