"""The units really run: real systemd as PID 1, the hardened daemon takes a call, is killed, hangs, and comes back."""

import json
import shutil
from pathlib import Path

import pytest
from machine import ROOT, boot, needs_machine

pytestmark = [needs_machine, pytest.mark.timeout(400)]

GATEWAY_TOML = """\
role = "domestic"
name = "osaka"
data = "/var/lib/gateway"
language = "en"
[[line]]
name = "a"
port = "/run/bench/a"
model = "usr5637"
number = "+81355500001"
[policy]
regions = ["JP"]
[link]
peer = "seattle"
[[link.route]]
name = "internet"
bind = "tcp://127.0.0.1:5810"
"""
EXCHANGE_TOML = """\
control = "/run/bench/exchange.sock"
[[modem]]
name = "a"
model = "usr5637"
number = "+81355500001"
port = "/run/bench/a"
"""
BENCH = """\
[Unit]
Description=The bench's exchange
Before=gateway.service
[Service]
Type=notify
User=gateway
RuntimeDirectory=bench
ExecStart=/opt/gateway/bin/gateway exchange up --settings /out/exchange.toml
"""
TEST = """\
[Unit]
Description=What is tried inside
After=bench.service
[Service]
Type=exec
ExecStart=/bin/bash /out/inside.sh
"""
REQUEST = """\
import asyncio, sys
from pathlib import Path
sys.path[:0] = ["/opt/gateway/src", "/opt/gateway/lib"]
from gateway.modems.recovery import Requests, Rung
print(asyncio.run(Requests(Path("/run/gateway/requests")).cycle("a", "9-9", Rung.POWER, ())))
"""
BEFORE = """\
[Service]
ExecStartPre=+/bin/cp /out/gateway.toml /etc/gateway/
ExecStartPre=+/bin/chown -R gateway /etc/gateway
ExecStartPre=-/opt/gateway/bin/gateway keys --dir /var/lib/gateway/keys new
ExecStartPre=/opt/gateway/bin/gateway keys --dir /var/lib/gateway/keys trust seattle %s
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the script inside saw."""
    out, units = tmp_path_factory.mktemp("out"), tmp_path_factory.mktemp("units")
    for unit in (ROOT / "systemd").glob("gateway*"):
        if unit.suffix in (".service", ".path"):
            shutil.copy(unit, units)
    (units / "bench.service").write_text(BENCH)
    (units / "test.service").write_text(TEST)
    drop_in = units / "gateway.service.d"
    shutil.copy(Path(__file__).with_name("inside.sh"), out)
    (out / "request.py").write_text(REQUEST)
    (out / "exchange.toml").write_text(EXCHANGE_TOML)
    (out / "gateway.toml").write_text(GATEWAY_TOML)
    drop_in.mkdir()
    (drop_in / "test.conf").write_text(BEFORE % ("ab" * 32))
    out.chmod(0o755)
    console = boot(out, units, within=350)
    result = out / "result"
    assert result.exists(), console[-3000:]
    seen = dict(line.split("=", 1) for line in result.read_text().splitlines())
    print(result.read_text())
    return seen | {"calls": (out / "calls.json").read_text()}


def test_the_hardened_daemon_starts_and_takes_a_call(results: dict[str, str]) -> None:
    assert (results["started"], results["type"], results["user"]) == ("0", "notify", "gateway")
    assert results["call"] == "0"
    (call,) = json.loads(results["calls"])
    assert call["request"]
    assert results["capabilities"].strip("0") == ""
    assert float(results["exposure"]) <= 2.0


def test_its_journal_entries_carry_the_lines_name(results: dict[str, str]) -> None:
    assert int(results["line_in_journal"]) >= 1


def test_killed_it_comes_back(results: dict[str, str]) -> None:
    assert results["after_kill"] == "0"


def test_hung_it_is_started_again_by_the_watchdog(results: dict[str, str]) -> None:
    assert results["after_hang"] == "0"
    assert int(results["watchdog"]) >= 1
    assert int(results["hang_seconds"]) <= 90


def test_the_helper_takes_requests_up_and_stopping_is_orderly(results: dict[str, str]) -> None:
    assert results["request_left"] == "1"  # the shell's word for: it is gone
    assert "install uhubctl" in results["helper"] or "can't switch" in results["helper"]
    assert results["stop_result"] == "success"
