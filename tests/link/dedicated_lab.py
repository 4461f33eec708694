"""The two boxes of ``firmware-config/dedicated/wireguard`` in two network namespaces: a leased line, and the Internet.

The leased line (eth1) carries the WireGuard tunnel, the Internet (eth0) is a wire beside it. The domestic box posts 50
messages a second; the leased line is cut, then healed. Prints what went where as JSON. Needs root, wg-quick and a
kernel or a program (wireguard-go) that does WireGuard.
"""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec
from push import child, pair_keys, settings_of
from routes import CLONE_NEWNET, Conditions, Run, losses, receive, send

from gateway import clock
from gateway.settings import LinkSettings, Settings

CLONE_NEWNS = 0x00020000
EXAMPLE = Path(__file__).parent.parent.parent / "firmware-config" / "dedicated" / "wireguard"
SIDES = {"domestic": "1", "overseas": "2"}


class _Link(msgspec.Struct):
    link: LinkSettings


def run(*command: str, give: str = "") -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, input=give).stdout.strip()


def settings_for(folder: Path, role: str) -> Settings:
    """As the example's ``link.toml`` says, but for the names of the bench's boxes."""
    link = msgspec.toml.decode((EXAMPLE / role / "link.toml").read_bytes(), type=_Link).link
    return settings_of(folder, role, link.routes)


def configurations(folder: Path) -> None:
    """The example's tunnel files, with keys in them."""
    private = {role: run("wg", "genkey") for role in SIDES}
    for role in SIDES:
        text = (EXAMPLE / role / "wireguard.conf").read_text()
        for whose, key in private.items():
            text = text.replace(f"{whose.upper()}-PRIVATE-KEY", key)
            text = text.replace(f"{whose.upper()}-PUBLIC-KEY", run("wg", "pubkey", give=key))
        file = folder / role / "dedicated.conf"
        file.parent.mkdir()
        file.touch(mode=0o600)
        file.write_text(text)


def enter(role: str, wires: socket.socket) -> None:
    """Namespaces of our own; wait for the wires; addresses; the tunnel."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET | CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "unshare")
    run("mount", "--make-rprivate", "/")
    Path("/run/wireguard").mkdir(exist_ok=True)
    run("mount", "-t", "tmpfs", "none", "/run/wireguard")
    wires.send(b"x")
    wires.recv(1)
    run("ip", "link", "set", "lo", "up")
    for device, network in (("eth0", "198.51.100"), ("eth1", "192.0.2")):
        run("ip", "addr", "add", f"{network}.{SIDES[role]}/24", "dev", device)
        run("ip", "link", "set", device, "up")


def bytes_out(process: int) -> dict[str, int]:
    """Interface → bytes that have left it, in the namespace of a process."""
    listed = json.loads(run("nsenter", "-t", str(process), "-n", "ip", "-j", "-s", "link"))
    return {each["ifname"]: each["stats64"]["tx"]["bytes"] for each in listed}


def end_companions(processes: Iterable[int]) -> None:
    """End what else runs in the boxes' namespaces, the tunnels; never anything in the namespace that we are in."""
    boxes, ours = list(processes), Path("/proc/self/ns/net").readlink()
    for box in boxes:
        with suppress(OSError):
            namespace = Path(f"/proc/{box}/ns/net").readlink()
            for entry in Path("/proc").glob("[0-9]*") if namespace != ours else ():
                with suppress(OSError):
                    if (entry / "ns/net").readlink() == namespace and int(entry.name) not in boxes:
                        os.kill(int(entry.name), signal.SIGKILL)


@contextmanager
def running(folder: Path) -> Iterator[dict[str, int]]:
    """Both boxes for the block, joined twice, the domestic one posting: their processes. Waits for the last message."""
    ready, wires = socket.socketpair(), {role: socket.socketpair() for role in SIDES}
    boxes = {
        "overseas": lambda: receive(settings_for(folder, "overseas"), folder),
        "domestic": lambda: send(settings_for(folder, "domestic"), folder, 50, ready[1]),
    }

    def box(role: str) -> None:
        enter(role, wires[role][1])
        run("wg-quick", "up", str(folder / role / "dedicated.conf"))
        clock.run(boxes[role]())

    with ExitStack() as stack:
        processes = {role: stack.enter_context(child(lambda role=role: box(role))) for role in boxes}
        stack.callback(lambda: end_companions(processes.values()))
        for role in boxes:
            wires[role][0].settimeout(30)
            wires[role][0].recv(1)
        for device in ("eth0", "eth1"):
            name = f"{device}x{os.getpid()}"
            there, here = str(processes["overseas"]), str(processes["domestic"])
            run("ip", "link", "add", name, "netns", here, "type", "veth", "peer", "name", device, "netns", there)
            run("nsenter", "-t", here, "-n", "ip", "link", "set", name, "name", device)
        for role in boxes:
            wires[role][0].send(b"x")
        ready[0].settimeout(60)
        ready[0].recv(1)
        yield processes
        (folder / "enough").touch()
        ready[0].recv(1)


def main(folder: Path) -> None:
    configurations(folder)
    pair_keys(folder)
    with running(folder) as processes:
        overseas = ("nsenter", "-t", str(processes["overseas"]), "-n", "ip")
        before = bytes_out(processes["domestic"])
        time.sleep(2.0)
        over = bytes_out(processes["domestic"])
        cut = time.monotonic()
        run(*overseas, "link", "set", "eth1", "down")
        time.sleep(2.0)
        run(*overseas, "link", "set", "eth1", "up")
        run(*overseas, "route", "replace", "192.0.2.1/32", "dev", "eth1")
        healed = time.monotonic()
        time.sleep(3.0)
    messages, received, letters = Run(folder, Conditions(), 50).results()
    sent, lost, twice = losses(folder, messages, received)
    times = {"whole": (0.0, cut), "cut": (cut + 1.0, healed), "healed": (healed + 2.0, float("inf"))}
    routes = {name: [route for at, route in letters if begin <= at < end] for name, (begin, end) in times.items()}
    by_m = {name: some.count(0) / max(1, len(some)) for name, some in routes.items()}
    carried = {name: over[name] - before[name] for name in ("eth0", "eth1", "dedicated")}
    print(json.dumps({"sent": sent, "lost": lost, "twice": twice, "by_m": by_m, "bytes": carried}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
