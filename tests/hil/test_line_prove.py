"""``gateway line prove`` on a loop of two emulated lines: a good line passes, each fault fails its own step."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from line_lab import MODELS, OURS, bring, line_lab

from gateway.audio.envelope import find
from gateway.cli.proof import STEPS, Proof
from gateway.cli.proof_report import Report, as_html, as_json


def not_passed(proof: Proof) -> dict[str, str]:
    """Steps that neither passed nor are for another kind of line, and what was found."""
    return {step.key: step.finding for step in proof.steps.values() if step.status not in ("passed", "skipped")}


def failed(proof: Proof) -> list[str]:
    return [step.key for step in proof.steps.values() if step.status == "failed"]


@pytest.mark.parametrize("model", MODELS)
async def test_a_good_line_passes_every_step(model: str) -> None:
    async with line_lab(model) as lab:
        proof = await lab.prove()
        assert not_passed(proof) == {}
        assert proof.passed
        assert lab.off_hook == []


@pytest.mark.parametrize(("ours", "theirs"), [("conexant", "rockwell"), ("usr5637", "sim7600"), ("ec25", "sim800")])
async def test_lines_of_different_kinds_prove_each_other(ours: str, theirs: str) -> None:
    async with line_lab(ours, theirs) as lab:
        assert not_passed(await lab.prove()) == {}


@pytest.mark.parametrize(
    ("fault", "model", "step", "remedy"),
    [
        ("no caller ID", "usr5637", "caller-id", "Order caller ID"),
        ("no caller ID", "sim7600", "caller-id", "Order caller ID"),
        ("caller always withheld", "usr5637", "caller-id", "dial 186 first"),
        ("nothing goes out", "usr5637", "guidance", "nothing of ours reaches the line"),
        ("nothing comes in", "conexant", "dial-tone", "Check the cord and the socket"),
        ("network passes no sound", "sim800", "answered", "nothing comes from the line"),
        ("dead line", "usr5637", "dial-tone", "Check the cord and the socket"),
        ("dead line", "rockwell", "dial-tone", "Check the cord and the socket"),
        ("wedged modem", "usr5637", "answers", "Unplug the modem"),
        ("locked SIM", "sim800", "sim", "Set line.pin"),
        ("no network", "ec25", "network", "check aerial, coverage and SIM"),
        ("no voice class", "usr5637", "voice", "docs/modems.md"),
        ("no sound port", "huawei", "voice", "docs/gsm.md"),
    ],
)
async def test_a_fault_fails_its_own_step_first_and_says_what_to_do(
    fault: str, model: str, step: str, remedy: str
) -> None:
    async with line_lab(model, fault=fault) as lab:
        bring(lab, fault)
        proof = await lab.prove()
        first = proof.first_failed
        assert first is not None
        assert first.key == step
        assert remedy.lower() in first.remedy.lower()
        assert all(found.remedy for found in proof.steps.values() if found.status == "failed")
        assert lab.off_hook == []


@pytest.mark.parametrize("model", MODELS)
async def test_a_wrong_country_is_told_before_any_call(model: str) -> None:
    async with line_lab(model) as lab:
        home = lab.settings["a"].country
        proof = await lab.prove(country="US" if home != "US" else "JP")
        first = proof.first_failed
        assert first is not None
        assert (first.key, first.remedy.split(",")[0]) == ("country", f'Set line.country = "{home}"')


async def test_a_wrong_country_is_told_by_its_dial_tone_where_the_number_is_wrong_too() -> None:
    async with line_lab("usr5637") as lab:
        home = lab.settings["a"].country
        wrong = (
            {"country": "US", "number": "+12125550101"} if home == "JP" else {"country": "JP", "number": "+81355501234"}
        )
        proof = await lab.prove(**wrong)
        first = proof.first_failed
        assert first is not None
        assert first.key == "dial-tone"
        assert home in first.finding
        assert "Set line.country" in first.remedy


async def test_another_model_than_the_settings_say_is_named() -> None:
    async with line_lab("conexant") as lab:
        proof = await lab.prove(model="usr5637")
        first = proof.first_failed
        assert first is not None
        assert (first.key, first.remedy) == ("model", 'Set line.model = "conexant".')


async def test_a_far_end_that_is_gone_is_blamed_for_it() -> None:
    async with line_lab(fault="wedged far modem") as lab:
        bring(lab, "wedged far modem")
        proof = await lab.prove()
        assert failed(proof) == ["caller-id", "withheld", "dials"]
        assert 'line "b"' in proof.steps["caller-id"].finding


async def test_the_report_tells_every_step_with_its_remedy_and_no_full_number() -> None:
    async with line_lab(fault="no caller ID") as lab:
        bring(lab, "no caller ID")
        proof = await lab.prove()
        trace = "2027-01-15 08:00:00.000000 > AT+FCLASS=8;DT0355500001\\r\n"
        report = Report(proof, lab.settings["a"], datetime(2027, 1, 15, tzinfo=UTC), {"a": trace})
        page, data = as_html(report), json.loads(as_json(report))
        assert [step["key"] for step in data["steps"]] == list(STEPS)
        assert not data["passed"]
        assert "Order caller ID" in page
        for told in (page, as_json(report)):
            assert "55500001" not in told
            assert "******0001" in told
        assert "0355500001" in as_html(replace(report, unmask=True))


def test_a_phrase_is_found_quiet_late_and_in_noise_and_not_found_where_it_is_not() -> None:
    noise = (np.random.default_rng(1).standard_normal(8000 * 6) * 20).astype(np.int16)
    heard = noise.copy()
    heard[8000 : 8000 + len(OURS)] += (OURS * 0.25).astype(np.int16)
    found = find(heard, OURS)
    assert found.sure
    assert abs(found.delay - 1.0) <= 0.02
    assert abs(found.gain + 12) < 1
    assert not find(noise, OURS).sure
    assert not find(np.zeros(6 * 8000, np.int16), OURS).sure
    assert not find(OURS[::-1].copy(), OURS).sure
