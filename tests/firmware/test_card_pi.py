"""The Raspberry Pi's own boot loader, on QEMU's Pi 3 board: it finds the slot, counts, and starts the kernel.

Not further: starting the board's watchdog resets QEMU's Pi at once. `make image-test` runs this.
"""

import os
import subprocess
import time
from pathlib import Path

import pytest
from card_guest import FIRMWARE_AT, flash

IMAGE = Path(os.environ.get("GATEWAY_IMAGE", Path(__file__).parents[2] / "build/image")) / "gateway.img"

pytestmark = [
    pytest.mark.skipif(os.environ.get("GATEWAY_IMAGE_TEST") != "1", reason="make image-test runs this"),
    pytest.mark.timeout(900),
]


def test_the_pis_own_boot_loader_starts_slot_a(tmp_path: Path) -> None:
    card, console = tmp_path / "card.img", tmp_path / "console"
    flash(IMAGE, card)
    files = ["::u-boot.bin", "::bcm2837-rpi-3-b.dtb"]
    subprocess.run(["mcopy", "-i", f"{card}@@{FIRMWARE_AT}", *files, tmp_path], check=True)
    command = ["qemu-system-aarch64", "-M", "raspi3b", "-kernel", tmp_path / "u-boot.bin", "-nodefaults"]
    command += ["-dtb", tmp_path / "bcm2837-rpi-3-b.dtb", "-drive", f"file={card},format=raw,if=sd", "-display", "none"]
    board = subprocess.Popen([*command, "-serial", "null", "-serial", f"file:{console}"])
    try:
        begun = time.monotonic()
        while "bcm2835-power" not in (said := console.read_text(errors="replace") if console.exists() else ""):
            assert board.poll() is None
            assert time.monotonic() - begun < 600, said[-3000:]
            time.sleep(1)
    finally:
        board.terminate()
        board.wait(20)
        card.unlink()
    assert "gateway: slot A, tries left: A 2, B 3" in said
    assert said.index("Starting kernel") < said.index("bcm2835-power")
