"""A wrong settings file is answered in one line that names the key and the remedy."""

from pathlib import Path

import pytest

from gateway.errors import SettingsError
from gateway.settings import load

GOOD = """
role = "domestic"
name = "osaka"
data = "data"
[[line]]
name = "a"
port = "/dev/gateway/a"
model = "usr5637"
number = "+81612345678"
[link]
peer = "seattle"
[[link.route]]
name = "internet"
connect = "tcp://192.0.2.1:5810"
"""


def settings_file(folder: Path, text: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_count_from_the_settings_file(tmp_path: Path) -> None:
    settings = load(settings_file(tmp_path, GOOD))
    assert settings.store == tmp_path / "data" / "gateway.db"
    assert settings.lines[0].name == "a"
    assert settings.lines[0].port == "/dev/gateway/a"
    near = 'port = "ports/a"\naudio = "ports/a-sound"\ntrace = "a.at"\nrecord = "calls"'
    (line,) = load(settings_file(tmp_path, GOOD.replace('port = "/dev/gateway/a"', near))).lines
    places = [str(tmp_path / name) for name in ("ports/a", "ports/a-sound", "a.at", "calls")]
    assert [line.port, line.audio, line.trace, line.record] == places
    card = 'port = "/dev/gateway/a"\naudio = "alsa:hw:Android"'
    assert (
        load(settings_file(tmp_path, GOOD.replace('port = "/dev/gateway/a"', card))).lines[0].audio == "alsa:hw:Android"
    )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('role = "domestic"\n', "", "role is missing; add it"),
        ('port = "/dev/gateway/a"\n', "", r"line\[1\].port is missing; add it"),
        ('model = "usr5637"', 'modle = "usr5637"', "modle is not a setting; remove it or correct its spelling"),
        ('role = "domestic"', 'role = "inland"', "role: 'inland' is not one of domestic, overseas"),
        ("+81612345678", "0612345678", r"line\[1\].number: write a number in E\.164, like \+819012345678"),
        ("[[line]]\n", "[guidance]\nmenu = 'no'\n[[line]]\n", "guidance.menu: 'no' is not one of cheaper, never"),
        ('name = "a"', "name = 7", r"line\[1\].name: expected `str`, got `int`"),
        ('data = "data"', "data = ", "not valid TOML"),
        ("[[line]]\n", "[policy]\nmax_call = inf\n[[line]]\n", r"policy.max_call: expected `float` <= 31536000"),
        ('peer = "seattle"', 'peer = "osaka"', 'link.peer "osaka" is this box itself; name the other one'),
        ("tcp://192.0.2.1:5810", "192.0.2.1:5810", r"route\[1\].connect: write an address like tcp://"),
        ("[[line]]\n", "[policy]\nkinds = ['mobil']\n[[line]]\n", "'mobil' is not one of fixed_line, fixed_line_or_m"),
        ("[[line]]\n", "[policy]\nblocked = ['8190']\n[[line]]\n", r"write the beginning of a number in E\.164"),
        (
            "[[line]]\n",
            "[policy]\nregions = ['UK']\n[[line]]\n",
            "policy.regions: UK is no country; write its ISO",
        ),
        ('name = "a"', 'name = "a"\ncountry = "ZZ"', 'country of line "a": ZZ is no country'),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(SettingsError, match=says) as error:
        load(settings_file(tmp_path, GOOD.replace(old, new)))
    assert "gateway.toml" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml: no such settings file"):
        load(tmp_path / "nowhere.toml")


def test_two_lines_can_share_neither_name_nor_port(tmp_path: Path) -> None:
    second = '[[line]]\nname = "%s"\nport = "%s"\nmodel = "usr5637"\nnumber = "+81612345679"\n[link]'
    for name, port in (("a", "/dev/other"), ("b", "/dev/gateway/a")):
        with pytest.raises(SettingsError, match="two lines"):
            load(settings_file(tmp_path, GOOD.replace("[link]", second % (name, port))))


LINKS = """
role = "domestic"
name = "osaka"
data = "data"
[[line]]
name = "a"
port = "/dev/gateway/a"
model = "usr5637"
number = "+81612345678"
[[link]]
peer = "seattle"
line_routes = ["us-voip"]
[[link.route]]
name = "internet"
bind = "tcp://*:5810"
[[link.route]]
name = "dedicated"
connect = "tcp://192.0.2.1:5810"
[[link]]
peer = "reno"
[[link.route]]
name = "internet"
bind = "tcp://192.0.2.9:5811"
"""


def test_one_link_and_several_are_read_the_same_way(tmp_path: Path) -> None:
    assert [link.peer for link in load(settings_file(tmp_path, GOOD)).links] == ["seattle"]
    seattle, reno = load(settings_file(tmp_path, LINKS)).links
    assert (seattle.peer, seattle.line_routes, len(seattle.routes)) == ("seattle", ("us-voip",), 2)
    assert (reno.peer, [route.bind for route in reno.routes]) == ("reno", ["tcp://192.0.2.9:5811"])


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('peer = "reno"', 'peer = "seattle"', 'two links name peer "seattle"'),
        ('name = "dedicated"', 'name = "internet"', 'two routes to seattle are named "internet"'),
        ('bind = "tcp://192.0.2.9:5811"', "", 'route "internet" to reno: give it either bind or connect'),
        (
            'bind = "tcp://*:5810"',
            'bind = "tcp://*:1"\nconnect = "tcp://a:1"',
            "to seattle: give it either bind or con",
        ),
        ("192.0.2.9:5811", "192.0.2.9:5810", "are one address; give each bind a port of its own"),
        ('peer = "reno"\n', "", r"link\[2\].peer is missing; add it"),
        ("[[link]]", "[tariff]\noverseas = ['us-voip']\n[[link]]", "write its routes as line_routes under the"),
        ("[[link]]", "[policy]\nspend_day = 9\n[[link]]", "name the routes of reno's lines in its line_routes"),
    ],
)
def test_links_that_cannot_work_are_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in LINKS
    with pytest.raises(SettingsError, match=says):
        load(settings_file(tmp_path, LINKS.replace(old, new, 1)))


def test_a_box_without_any_link_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="link"):
        load(settings_file(tmp_path, "link = []\n" + GOOD[: GOOD.index("[link]")]))
