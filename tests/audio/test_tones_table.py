"""The table of tones: shipped rows can be read and heard, and a wrong file is told what is wrong."""

from pathlib import Path

import pytest
from tone_lab import Row, names, tone

from gateway.audio import tones_table
from gateway.audio.tones_table import PROFILES, ToneTableError, read_table, tones_heard_in

SHIPPED = Path(tones_table.__file__).with_name("tones.toml")


def shipped() -> list[tuple[str, tones_table.ProgressTone]]:
    return [(country, row) for country, rows in read_table(SHIPPED).items() for row in rows]


@pytest.mark.parametrize(("country", "row"), shipped(), ids=lambda part: getattr(part, "name", part))
def test_every_shipped_countrys_tone_is_named_on_its_own_lines(country: str, row: tones_table.ProgressTone) -> None:
    sent = Row(country, row.name, row.frequencies, row.cadence, swell=20.0 if row.modulated else 0.0)
    assert row.name in names(tone(sent, 2 * sent.period + 1.5), country)


def test_a_countrys_own_tones_come_first_and_the_four_profiles_always() -> None:
    for country in ("GB", "UK", "FR", "ZZ"):
        rows = tones_heard_in(country)
        assert {row for profile in PROFILES.values() for row in profile} <= set(rows)
    assert tones_heard_in("UK")[: len(PROFILES["GB"])] == PROFILES["GB"]
    assert tones_heard_in("FR")[0].frequencies == (440.0,)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[XX", "not valid TOML"),
        ("XX = 3", "[XX]"),
        ("[XX]\nring = {hz = [400]}", "XX.ring: no such tone; there are dial, ringback, busy, congestion"),
        ("[XX]\nbusy = {hz = [400], second = [1, 1]}", "XX.busy: give hz, seconds"),
        ("[XX]\nbusy = {seconds = [1, 1]}", "XX.busy: expected a list of numbers"),
        ("[XX]\nbusy = {hz = [1400]}", "between 300 and 700"),
        ("[XX]\nbusy = {hz = [400], seconds = [1]}", "on, off"),
        ("[XX]\nbusy = {hz = [400], seconds = [1, -1]}", "above zero, as seconds = [0.5, 0.5]"),
        ("[XX]\nbusy = {hz = [true], seconds = [1, 1]}", "above zero, as hz = [350, 440]"),
        ("[XX]\nbusy = {hz = [400], seconds = [0.1, 0.1]}", "0.15 to 5.5"),
        ("[XX]\nbusy = {hz = [400]}", "give seconds"),
        ('[XX]\ndial = {hz = [400], modulated = "yes"}', "true or false"),
        ("[france]\nbusy = {hz = [400], seconds = [1, 1]}", "two letters of ISO 3166"),
    ],
)
def test_a_wrong_table_is_refused_with_place_and_remedy(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "tones.toml"
    path.write_text(text)
    with pytest.raises(ToneTableError) as refusal:
        read_table(path)
    assert str(path) in str(refusal.value)
    assert complaint in str(refusal.value)


def test_a_table_of_ones_own_comes_before_ours(tmp_path: Path) -> None:
    path = tmp_path / "tones.toml"
    path.write_text("[FR]\nbusy = {hz = [450], seconds = [0.4, 0.4]}\n", encoding="utf-8-sig")  # as Windows writes it
    further = read_table(path)
    assert tones_heard_in("FR", further)[0].frequencies == (450.0,)
    assert tones_heard_in("GB", further) == tones_heard_in("GB")


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToneTableError, match="nowhere"):
        read_table(tmp_path / "nowhere.toml")
