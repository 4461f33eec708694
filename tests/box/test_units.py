"""The systemd units: understood without a murmur, and exposed to no more than 2.0 of systemd's 10."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNITS = sorted(
    path
    for folder in ("systemd", "firmware-config")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".service", ".path", ".timer")
)
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
MOST_EXPOSED = 2.0

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs Debian's systemd")


def name_of(path: Path) -> str:
    return path.name


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False, env={"LC_ALL": "C.UTF-8"}
    )


@pytest.mark.parametrize("unit", SERVICES, ids=name_of)
def test_no_service_is_exposed_to_more_than_two(unit: Path) -> None:
    said = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED * 10:.0f}", str(unit))
    found = re.search(r"exposure level for .*: ([\d.]+)", said.stdout)
    assert found, said.stderr
    assert float(found[1]) <= MOST_EXPOSED
    assert said.returncode == 0


@pytest.mark.parametrize("unit", UNITS, ids=name_of)
def test_every_unit_is_understood_without_a_murmur(unit: Path, tmp_path: Path) -> None:
    where = tmp_path / "etc/systemd/system"
    where.mkdir(parents=True)
    for other in UNITS:
        shutil.copy(other, where)
    for target in ("basic.target", "sysinit.target", "network.target", "shutdown.target", "-.mount"):
        kind = "[Mount]\nWhat=none\nWhere=/\n" if target == "-.mount" else ""
        (where / target).write_text(f"[Unit]\nDescription=x\nDefaultDependencies=no\n{kind}")
    for command in re.findall(r"^Exec(?:Start|Stop|Reload)\w*=[-+!@]*(/\S+)", unit.read_text(), re.MULTILINE):
        there = tmp_path / command.lstrip("/")
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_text("#!/bin/sh\n")
        there.chmod(0o755)
    said = analyze("verify", f"--root={tmp_path}", "--man=no", unit.name)
    assert said.stderr == ""
    assert said.returncode == 0


def test_the_murmur_is_heard(tmp_path: Path) -> None:
    """systemd-analyze calls a unit with an unknown key good: its standard error is what counts."""
    unit = tmp_path / "bad.service"
    unit.write_text("[Service]\nExecStart=/bin/true\nProtectEverything=yes\n")
    assert "ProtectEverything" in analyze("verify", "--man=no", str(unit)).stderr


@pytest.mark.parametrize("unit", UNITS, ids=name_of)
def test_every_unit_calls_only_commands_that_there_are(unit: Path) -> None:
    from gateway.cli.main import COMMANDS

    for command in re.findall(r"^ExecStart=/opt/gateway/bin/gateway (\S+)", unit.read_text(), re.MULTILINE):
        assert command in COMMANDS
