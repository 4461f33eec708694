"""Sound cards for the bench, made of a private PulseAudio: what one end of a line plays, the other captures.

No hardware, no D-Bus, nobody else's sound server: a socket and two null sinks a line, in a folder of one's own. In real
time only. Needs pulseaudio and libasound2-plugins (Debian), and pyalsaaudio.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from gateway.errors import GatewayError

PLUGIN = "alsa-lib/libasound_module_pcm_pulse.so"

PULSE = """load-module module-native-protocol-unix socket={socket} auth-anonymous=1
{sinks}"""
SINK = (
    "load-module module-null-sink sink_name={name} rate=8000 channels=1 channel_map=mono format=s16le norewinds=1\n"
    "set-default-sink {name}\nset-default-source {name}.monitor\n"
)
DAEMON = """default-sample-rate = 8000
alternate-sample-rate = 8000
default-sample-channels = 1
default-fragments = 2
default-fragment-size-msec = 5
resample-method = trivial
flat-volumes = no
exit-idle-time = -1
realtime-scheduling = no
high-priority = no
"""
END = """pcm.{name} {{ type asym
  playback.pcm {{ type plug slave {{ pcm {{ type pulse server "unix:{socket}" device "{out}" }} }} }}
  capture.pcm  {{ type plug slave {{ pcm {{ type pulse server "unix:{socket}" device "{into}.monitor" }} }} }} }}
"""
LONGEST_PATH = 107
"""Bytes of a socket's path that sockaddr_un has room for."""


class NoSoundCards(GatewayError):
    """This machine can't make them; the message says what is missing."""


def missing() -> str:
    """Why there can be no such cards here, and the remedy; "" if there can."""
    if shutil.which("pulseaudio") is None:
        return "pulseaudio is not installed; run make setup-test"
    if not any(Path("/usr/lib").glob(f"*/{PLUGIN}")):
        return "libasound2-plugins is not installed; run make setup-test"
    if importlib.util.find_spec("alsaaudio") is None:
        return "pyalsaaudio is not installed; run make setup-test"
    return ""


class SoundServer:
    """A PulseAudio of our own with the cards of some lines. While it does not run they are not there."""

    def __init__(self, folder: Path, lines: tuple[str, ...]) -> None:
        """Write what it needs into ``folder``."""
        self._folder = folder
        self._socket = folder / "pulse.sock"
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "run").mkdir(mode=0o700, exist_ok=True)
        sinks = [f"{line}_{way}" for line in lines for way in ("up", "down")]
        (folder / "daemon.conf").write_text(DAEMON)
        (folder / "lines.pa").write_text(
            PULSE.format(socket=self._socket, sinks="".join(SINK.format(name=name) for name in sinks))
        )
        ends = [
            END.format(name=f"{line}_{end}", socket=self._socket, out=f"{line}_{out}", into=f"{line}_{into}")
            for line in lines
            for end, out, into in (("box", "up", "down"), ("net", "down", "up"))
        ]
        self.config = folder / "asound.conf"
        """For ``ALSA_CONFIG_PATH``."""
        self.config.write_text("</usr/share/alsa/alsa.conf>\n" + "".join(ends))

    def plug(self) -> None:
        """The cards are there. Raises ``NoSoundCards``."""
        if len(os.fsencode(self._socket)) > LONGEST_PATH:
            raise NoSoundCards(f"{self._socket}: too long for a socket's path; choose a shorter folder")
        self._socket.unlink(missing_ok=True)
        self._process = _start(self._folder)
        until = time.monotonic() + 5.0
        while not _listens(self._socket):
            if time.monotonic() > until:
                raise NoSoundCards(f"pulseaudio does not start; see {self._folder / 'pulse.log'}")
            time.sleep(0.02)

    def freeze(self) -> None:
        """The cards are there, and answer nothing any more, until they are unplugged."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def unplug(self) -> None:
        """The cards are gone, in the middle of whatever they did. No effect when they are."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGKILL)
            process.wait()
            self._socket.unlink(missing_ok=True)


@contextlib.contextmanager
def sound_cards(folder: Path, lines: tuple[str, ...]) -> Iterator[SoundServer]:
    """For each line two ALSA devices, ``NAME_box`` and ``NAME_net``; all of them can be unplugged and plugged in again.

    Raises ``NoSoundCards``.
    """
    if why := missing():
        raise NoSoundCards(why)
    server = SoundServer(folder, lines)
    before = os.environ.get("ALSA_CONFIG_PATH")
    os.environ["ALSA_CONFIG_PATH"] = str(server.config)
    try:
        server.plug()
        yield server
    finally:
        server.unplug()
        if before is None:
            del os.environ["ALSA_CONFIG_PATH"]
        else:
            os.environ["ALSA_CONFIG_PATH"] = before


def _listens(path: Path) -> bool:
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as client:
        return client.connect_ex(str(path)) == 0


def _start(folder: Path) -> subprocess.Popen[bytes]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PULSE_RUNTIME_PATH": str(folder / "run"),
        "PULSE_STATE_PATH": str(folder),
        "PULSE_CONFIG_PATH": str(folder),
    }
    options = ("--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--disallow-exit", "--disable-shm=no")
    return subprocess.Popen(
        ["pulseaudio", "-n", "-F", str(folder / "lines.pa"), *options, "--realtime=no", "--high-priority=no"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(folder / "pulse.log").open("wb"),
        start_new_session=True,
    )
