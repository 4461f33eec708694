"""What the technician put on the card becomes the box's settings, and what is wrong is said."""

import importlib.util
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest
import zmq

ROOT = Path(__file__).parents[2]
OVERLAY = ROOT / "firmware-config/overlay"
SAMPLE = (ROOT / "firmware-config/firmware/gateway.toml").read_text(encoding="utf-8")
loader = SourceFileLoader("card_setup", str(OVERLAY / "usr/lib/gateway/setup"))
spec = importlib.util.spec_from_loader(loader.name, loader)
card_setup = importlib.util.module_from_spec(spec)
loader.exec_module(card_setup)


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A box whose card was flashed and given its peer's key; no machine below it."""
    for folder in ("boot/firmware", "data", "etc/udev/rules.d", "etc/ppp/peers", "root"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "data/ssh").mkdir()
    (tmp_path / "data/ssh/ssh_host_ed25519_key").touch()
    made = card_setup.Box(tmp_path)
    (made.card / "gateway.toml").write_text(SAMPLE, encoding="utf-8")
    (made.card / "peer-key.txt").write_text(f"seattle {'ab' * 32}\r\n", encoding="ascii")
    return made


def test_the_sample_on_the_card_is_right(box) -> None:
    assert box.set_up() == []
    assert (box.root / "etc/hostname").read_text() == "osaka\n"


def test_an_editor_of_windows_does_no_harm(box) -> None:
    (box.card / "gateway.toml").write_bytes(b"\xef\xbb\xbf" + SAMPLE.replace("\n", "\r\n").encode())
    assert box.set_up() == []
    assert (box.etc / "gateway.toml").read_text() == SAMPLE


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (SAMPLE.replace('"domestic"', '"domestc"'), "gateway.toml: role"),
        (SAMPLE.replace('name = "osaka"', 'name = "osaka'), "gateway.toml: not valid TOML"),
        (SAMPLE.replace("peer =", "pear ="), "gateway.toml: link"),
        (SAMPLE.replace("/var/lib/gateway", "/tmp"), 'gateway.toml: data is "/tmp"; on a card it is'),
        (None, "gateway.toml: is missing"),
    ],
)
def test_wrong_settings_are_named_and_the_rest_is_done(box, wrong: str | None, says: str) -> None:
    (box.card / "gateway.toml").unlink()
    if wrong is not None:
        (box.card / "gateway.toml").write_text(wrong, encoding="utf-8")
    (box.card / "authorized_keys").write_text("ssh-ed25519 AAAA technician\n")
    troubles = box.set_up()
    assert [trouble.startswith(says) for trouble in troubles] == [True], troubles
    assert (box.root / "root/.ssh/authorized_keys").exists()
    assert (box.keys.path / "secret").exists()


def test_settings_that_are_no_text_are_named(box) -> None:
    (box.card / "gateway.toml").write_bytes("name = 大阪".encode("utf-16"))
    assert "gateway.toml: is not UTF-8; save it as UTF-8" in box.set_up()


def test_keys_are_made_once(box) -> None:
    box.set_up()
    first = box.keys.own()
    assert box.set_up() == []
    assert box.keys.own() == first


def test_a_peers_key_is_trusted_and_a_wrong_one_named(box) -> None:
    box.set_up()
    assert box.keys.trusted() == {"seattle": bytes.fromhex("ab" * 32)}
    (box.card / "peer-key.txt").write_text("seattle 1234\n")
    assert box.set_up() == ["peer-key.txt: expected the other box's name and its key of 64 digits"]


def test_without_a_peer_the_technician_is_told_how_to_pair(box) -> None:
    (box.card / "peer-key.txt").unlink()
    (trouble,) = box.set_up()
    assert "copy the other card's public-key.txt" in trouble


def test_the_other_cards_file_pairs(box) -> None:
    public, _ = zmq.curve_keypair()
    key = zmq.utils.z85.decode(public)
    (box.card / "peer-key.txt").write_text(f"seattle {key.hex()}\n")
    assert box.set_up() == []
    assert box.keys.expect("seattle") == key


def test_only_asked_for_ports_are_opened(box) -> None:
    bound = SAMPLE.replace('connect = "tcp://192.0.2.10:5810"', 'bind = "tcp://*:5811"')
    (box.card / "gateway.toml").write_text(bound)
    (box.card / "wireguard.conf").write_text("[Interface]\r\nListenPort = 51820\r\n")
    box.set_up()
    ports = (box.etc / "ports.nft").read_text().splitlines()
    assert ports == [
        "add element inet gateway link_ports { 5811 }",
        "add element inet gateway tunnel_ports { 51820 }",
    ]


def test_the_only_line_gets_the_only_modem_of_its_model(box) -> None:
    box.set_up()
    rules = (box.root / "etc/udev/rules.d/71-gateway-lines.rules").read_text()
    assert rules == 'SUBSYSTEM=="tty", ENV{GATEWAY_MODEL}=="usr5637", SYMLINK+="gateway/a"\n'


def test_a_dedicated_route_is_enabled_for_this_start(box) -> None:
    (box.card / "wireguard.conf").write_text("[Interface]\n")
    (box.card / "ppp-peer.txt").write_text("/dev/ttyUSB1 115200\n")
    box.set_up()
    wants = box.root / "run/systemd/system/multi-user.target.wants"
    assert sorted(link.name for link in wants.iterdir()) == ["gateway-ppp.service", "wg-quick@dedicated.service"]
