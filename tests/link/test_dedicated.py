"""The dedicated line as ``firmware-config/dedicated`` sets it up: what is shipped there fits together, and runs."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from gateway.settings import load

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "firmware-config" / "dedicated"
BOX = """
role = "{role}"
name = "{name}"
data = "/var/lib/gateway"
[[line]]
name = "a"
port = "/dev/gateway/a"
model = "usr5637"
number = "+81612345678"
[policy]
regions = ["JP"]
"""
NAMES = {"domestic": "osaka", "overseas": "seattle"}


def why_not() -> str | None:
    if os.geteuid():
        return "network namespaces need root"
    if missing := [each for each in ("wg", "wg-quick", "ip", "nsenter") if shutil.which(each) is None]:
        return f"{', '.join(missing)} is not installed (make setup-test)"
    if shutil.which("wireguard-go") or Path("/sys/module/wireguard").exists():
        return None
    return "no WireGuard here, in the kernel or as a program (make setup-test)"


def test_letters_go_by_the_tunnel_over_the_leased_line_by_the_internet_while_it_is_cut_and_come_back(
    tmp_path: Path,
) -> None:
    if reason := why_not():
        pytest.skip(reason)
    path = f"{ROOT}{os.pathsep}{ROOT / 'benchmarks'}"
    done = subprocess.run(
        [sys.executable, str(Path(__file__).parent / "dedicated_lab.py"), str(tmp_path)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    assert (result["lost"], result["twice"]) == (0, 0)
    assert result["by_m"] == {"whole": 1.0, "cut": 0.0, "healed": 1.0}
    sent = result["bytes"]
    assert sent["eth1"] > sent["dedicated"] > 5 * sent["eth0"], "the leased line carries it, the Internet only pings"


@pytest.mark.parametrize("kind", ["wireguard", "ppp"])
@pytest.mark.parametrize("role", ["domestic", "overseas"])
def test_the_links_part_completes_a_settings_file(tmp_path: Path, kind: str, role: str) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(BOX.format(role=role, name=NAMES[role]) + (EXAMPLES / kind / role / "link.toml").read_text())
    (link,) = load(file).links
    assert link.peer in NAMES.values() and link.peer != NAMES[role]
    assert [route.name for route in link.routes] == ["m", "n"]


@pytest.mark.parametrize("kind", ["wireguard", "ppp"])
def test_both_ends_agree_about_the_addresses_of_the_dedicated_line(kind: str) -> None:
    ends = {}
    for role in NAMES:
        (route,) = [
            route
            for route in tomllib.loads((EXAMPLES / kind / role / "link.toml").read_text())["link"]["route"]
            if route["name"] == "m"
        ]
        ends[role] = route
        file = {"wireguard": "wireguard.conf", "ppp": "ppp-peer.txt"}[kind]
        text = (EXAMPLES / kind / role / file).read_text()
        pattern = {"wireguard": r"(?m)^Address = ([\d.]+)/30$", "ppp": r"(?m)^([\d.]+):[\d.]+$"}[kind]
        theirs = {"wireguard": r"(?m)^AllowedIPs = ([\d.]+)/32$", "ppp": r"(?m)^[\d.]+:([\d.]+)$"}[kind]
        ends[role] |= {"ours": re.findall(pattern, text), "theirs": re.findall(theirs, text)}
    domestic, overseas = ends["domestic"], ends["overseas"]
    assert domestic["ours"] == overseas["theirs"] == [domestic["source"]]
    assert overseas["ours"] == domestic["theirs"]
    assert domestic["connect"] == overseas["bind"] == f"tcp://{overseas['ours'][0]}:5810"
