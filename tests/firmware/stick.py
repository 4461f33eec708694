"""A technician's stick with update bundles: a good one, and each kind that a box has to refuse or to recover from.

    python stick.py BUILT SIGNING

makes BUILT/stick.ext4, an ext4 image. BUILT has the system and its good bundle, SIGNING the key that boxes know.

    good       the system
    tampered   a byte of the signature is another
    changed    a byte of the content is another
    stranger   signed with a key that no box knows
    dead       a slot without a kernel
    mute       the system, but its daemon does not start
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

CONFIG = Path(__file__).parents[2] / "firmware-config"
SMALL = 16 << 20
HASTY = 20
"""Seconds in which the mute system has to serve; a real one is given ten minutes."""


def make_stick(folder: Path, built: Path, signing: Path) -> None:
    """``folder`` is for what is made on the way."""
    bundles, stranger = folder / "bundles", folder / "stranger"
    bundles.mkdir()
    subprocess.run([CONFIG / "signing-key.sh", stranger], check=True, capture_output=True)
    subprocess.run(["cp", built / "gateway.raucb", bundles / "good.raucb"], check=True)
    small = folder / "small.ext4"
    _ext4(small, SMALL, folder / "noise")
    for name, key in (("tampered", signing), ("changed", signing), ("stranger", stranger), ("dead", signing)):
        _bundle(small, bundles / f"{name}.raucb", key)
    _flip(bundles / "tampered.raucb", lambda size: size - 100)
    _flip(bundles / "changed.raucb", lambda size: size // 2)
    mute = folder / "mute.ext4"
    subprocess.run(["cp", "--sparse=always", built / "rootfs.ext4", mute], check=True)
    _make_mute(mute, folder)
    _bundle(mute, bundles / "mute.raucb", signing)
    mute.unlink()
    room = sum(file.stat().st_size for file in bundles.iterdir()) + (64 << 20)
    _ext4(built / "stick.ext4", room, bundles)


def _ext4(image: Path, size: int, content: Path) -> None:
    """``content`` is made of noise if it isn't there."""
    if not content.exists():
        content.mkdir()
        (content / "noise").write_bytes(os.urandom(SMALL // 2))
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", content, image, f"{size >> 10}K"], check=True)


def _bundle(image: Path, bundle: Path, key: Path) -> None:
    signed = {"GATEWAY_SIGNING_CERT": str(key / "cert.pem"), "GATEWAY_SIGNING_KEY": str(key / "key.pem")}
    command = ["nice", "-n", "10", CONFIG / "bundle.sh", image, bundle]
    subprocess.run(command, env=os.environ | signed, check=True, capture_output=True)


def _flip(file: Path, place: Callable[[int], int]) -> None:
    with file.open("r+b") as stream:
        at = place(file.stat().st_size)
        stream.seek(at)
        (byte,) = stream.read(1)
        stream.seek(at)
        stream.write(bytes([byte ^ 0xFF]))


def _make_mute(image: Path, folder: Path) -> None:
    unit = "/etc/systemd/system/gateway-healthy.service"
    old = subprocess.run(["debugfs", "-R", f"cat {unit}", image], capture_output=True, text=True, check=True).stdout
    assert "HEALTHY_WITHIN=600" in old
    (folder / "unit").write_text(old.replace("HEALTHY_WITHIN=600", f"HEALTHY_WITHIN={HASTY}"))
    (folder / "build").write_text("mute\n")
    commands = f"""rm /opt/gateway/bin/gateway
rm {unit}
write {folder}/unit {unit}
rm /usr/lib/gateway/build
write {folder}/build /usr/lib/gateway/build
"""
    subprocess.run(["debugfs", "-w", "-f", "-", image], input=commands, text=True, check=True, capture_output=True)


if __name__ == "__main__":
    target, keys = Path(sys.argv[1]), Path(sys.argv[2])
    with tempfile.TemporaryDirectory(dir=target) as scratch:
        make_stick(Path(scratch), target, keys)
