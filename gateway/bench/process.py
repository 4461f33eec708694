"""``gateway`` commands as real processes, started and stopped as systemd would do it.

A program is ready when it says ``READY=1`` to ``NOTIFY_SOCKET`` (sd_notify(3)); it is stopped by SIGTERM, and by
SIGKILL where that does not help.
"""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import GatewayError

COMMAND = (sys.executable, "-c", "from gateway.cli.main import main; main()")
"""``gateway``, of the same installation as we are."""

STOPPING = 10.0
"""Real seconds until SIGKILL follows SIGTERM."""


@dataclass(frozen=True)
class Strain:
    """How hard it was for a program to keep up; real seconds since it was started."""

    lived: float
    worked: float
    waited: float
    """Ready to work, but no core was free."""

    @property
    def too_hard(self) -> bool:
        """Whether it cannot have been in time throughout: it waited much, or had next to no time left."""
        return self.waited > 0.15 * self.lived or self.worked + self.waited > 0.8 * self.lived


class ProgramFailed(GatewayError):
    """A program ended, or did not become ready; the message has its last words."""


class Program:
    """One command, run again and again under the same name; its output is appended to ``log``."""

    def __init__(self, name: str, arguments: tuple[str, ...], log: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self._arguments = arguments
        self._log = log
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._ready: socket.socket | None = None
        self._started = 0.0
        self._strain = Strain(0.0, 0.0, 0.0)

    @property
    def running(self) -> bool:
        """Whether it lives."""
        return self._process is not None and self._process.poll() is None

    def strain(self) -> Strain:
        """Of the run under way, or of the last one up to its end (proc(5), /proc/PID/schedstat; main thread)."""
        if self.running and self._process is not None:
            with contextlib.suppress(OSError):
                worked, waited, _ = Path(f"/proc/{self._process.pid}/schedstat").read_text().split()
                self._strain = Strain(time.monotonic() - self._started, int(worked) / 1e9, int(waited) / 1e9)
        return self._strain

    def start(self) -> None:
        """Start it; ``await_ready`` follows."""
        self._started = time.monotonic()
        self._ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        name = f"@gateway-ready-{uuid.uuid4().hex}"
        self._ready.bind(name.replace("@", "\0", 1))
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [*COMMAND, *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **self._environment, "NOTIFY_SOCKET": name},
            )

    def await_ready(self, within: float = 30.0) -> None:
        """Wait (real seconds). Raises ``ProgramFailed`` when it ends before, or takes longer."""
        assert self._ready is not None
        until = time.monotonic() + within
        while time.monotonic() < until:
            if select.select([self._ready], [], [], 0.02)[0] and b"READY=1" in self._ready.recv(4096):
                self._close_ready()
                return
            self.check()
        self.stop()
        raise ProgramFailed(f"{self.name}: not ready within {within:.0f} s; {self._last_words()}")

    def check(self) -> None:
        """Raise ``ProgramFailed`` unless it lives."""
        if not self.running:
            raise ProgramFailed(f"{self.name}: ended; {self._last_words()}")

    def kill(self) -> None:
        """kill -9, at once."""
        self.strain()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._close_ready()

    def stop(self) -> int | None:
        """SIGTERM, then SIGKILL if need be. The exit code; None where it was not running."""
        self.strain()
        if self._process is None or not self.running:
            self._close_ready()
            return None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOPPING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            self._close_ready()

    def _close_ready(self) -> None:
        if self._ready is not None:
            self._ready.close()
            self._ready = None

    def _last_words(self) -> str:
        lines = [line for line in self._log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else f"see {self._log}"


def ask(*arguments: str, environment: Mapping[str, str] | None = None) -> bytes:
    """Run a command to its end and take what it says. Raises ``ProgramFailed`` with its own error line."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise ProgramFailed(words[-1].removeprefix("gateway: ") if words else f"gateway {arguments[0]} failed")
    return done.stdout
