"""``gateway line prove`` on a loop of two emulated lines: a good line passes, each fault fails its own step."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from proof_lab import OURS, ProofLab, proof_lab, silence

from gateway.audio.envelope import find
from gateway.bench.emulators.models import MODELS, Parameter
from gateway.cli.proof import STEPS, Proof
from gateway.cli.proof_report import Report, as_html, as_json
from gateway.line import LineLost
from gateway.settings import LineSettings

EMULATED = ("usr5637", "conexant", "rockwell", "sim800", "sim7600", "ec25", "huawei")


def not_passed(proof: Proof) -> dict[str, str]:
    """Steps that neither passed nor are for another kind of line, and what was found."""
    return {step.key: step.finding for step in proof.steps.values() if step.status not in ("passed", "skipped")}


def failed(proof: Proof) -> list[str]:
    return [step.key for step in proof.steps.values() if step.status == "failed"]


@pytest.mark.parametrize("model", EMULATED)
async def test_a_good_line_passes_every_step(model: str) -> None:
    async with proof_lab(model) as lab:
        proof = await lab.prove()
        assert not_passed(proof) == {}
        assert proof.passed
        assert not any(subscriber.off for subscriber in lab.subscribers.values())


@pytest.mark.parametrize(("ours", "theirs"), [("conexant", "rockwell"), ("usr5637", "sim7600"), ("ec25", "sim800")])
async def test_lines_of_different_kinds_prove_each_other(ours: str, theirs: str) -> None:
    async with proof_lab(ours, theirs) as lab:
        assert not_passed(await lab.prove()) == {}


def no_caller_id(lab: ProofLab) -> None:
    lab.subscribers["b"].withheld = "O"


def caller_always_withheld(lab: ProofLab) -> None:
    lab.subscribers["b"].withheld = "P"


def nothing_goes_out(lab: ProofLab) -> None:
    lab.modems["a"].one_way(mute=True)


def nothing_comes_in(lab: ProofLab) -> None:
    lab.modems["a"].one_way(deaf=True)


def dead_line(lab: ProofLab) -> None:
    lab.subscribers["a"].dead = True


def wedged(lab: ProofLab) -> None:
    lab.modems["a"].wedge()


def sim_locked(lab: ProofLab) -> None:
    lab.modems["a"].lock_sim()


def no_network(lab: ProofLab) -> None:
    lab.modems["a"].coverage(False)


@pytest.mark.parametrize(
    ("model", "fault", "step", "remedy"),
    [
        ("usr5637", no_caller_id, "caller-id", "Order caller ID"),
        ("sim7600", no_caller_id, "caller-id", "Order caller ID"),
        ("usr5637", caller_always_withheld, "caller-id", "dial 186 first"),
        ("usr5637", nothing_goes_out, "guidance", "nothing of ours reaches the line"),
        ("conexant", nothing_comes_in, "dial-tone", "Check the cord and the socket"),
        ("usr5637", dead_line, "dial-tone", "Check the cord and the socket"),
        ("rockwell", dead_line, "dial-tone", "Check the cord and the socket"),
        ("usr5637", wedged, "answers", "Unplug the modem"),
        ("sim800", sim_locked, "sim", "Set line.pin"),
        ("ec25", no_network, "network", "check aerial, coverage and SIM"),
    ],
)
async def test_a_fault_fails_its_own_step_first_and_says_what_to_do(
    model: str, fault: Callable[[ProofLab], None], step: str, remedy: str
) -> None:
    async with proof_lab(model) as lab:
        fault(lab)
        proof = await lab.prove()
        first = proof.first_failed
        assert first is not None
        assert first.key == step
        assert remedy.lower() in first.remedy.lower()
        assert all(found.remedy for found in proof.steps.values() if found.status == "failed")


async def test_a_mobile_line_that_hears_nothing_fails_where_the_far_end_should_be_heard() -> None:
    async with proof_lab("sim800") as lab:
        lab.subscribers["a"].deaf = True
        proof = await lab.prove()
        first = proof.first_failed
        assert first is not None
        assert first.key == "answered"
        assert "nothing comes from the line" in first.remedy


@pytest.mark.parametrize("model", ["usr5637", "conexant", "sim7600"])
async def test_a_wrong_country_is_told_before_any_call(model: str) -> None:
    async with proof_lab(model) as lab:
        proof = await lab.prove(country="US")
        first = proof.first_failed
        assert first is not None
        assert (first.key, first.remedy.split(",")[0]) == ("country", 'Set line.country = "JP"')


async def test_a_wrong_country_is_told_by_its_dial_tone_where_the_number_is_wrong_too() -> None:
    async with proof_lab("usr5637") as lab:
        proof = await lab.prove(country="US", number="+12125550101")
        first = proof.first_failed
        assert first is not None
        assert first.key == "dial-tone"
        assert "that of JP" in first.finding
        assert 'line.country = "JP"' in first.remedy


async def test_a_modem_without_voice_is_told_before_any_call() -> None:
    data_only = dict(MODELS["usr5637"].parameters) | {"+FCLASS": Parameter("0", "0|1", "0,1")}
    async with proof_lab(replace(MODELS["usr5637"], parameters=data_only)) as lab:
        proof = await lab.prove()
        assert failed(proof) == ["voice"]
        assert "docs/modems.md" in proof.steps["voice"].remedy


async def test_a_mobile_modem_without_voice_is_told_before_any_call() -> None:
    async with proof_lab("huawei") as lab:
        lab.modems["a"].faults.refused.add("^DDSETEX")
        proof = await lab.prove()
        assert failed(proof) == ["voice"]


async def test_another_model_than_the_settings_say_is_named() -> None:
    async with proof_lab("conexant") as lab:
        proof = await lab.prove(model="usr5637")
        first = proof.first_failed
        assert first is not None
        assert (first.key, first.remedy) == ("model", 'Set line.model = "conexant".')


async def test_a_port_that_another_program_holds_is_told_with_that_programs_name() -> None:
    async with proof_lab() as lab:
        plug = lab.plug

        def held(line: LineSettings) -> object:
            if line.name == "a":
                raise LineLost('line "a": /dev/gateway/a is held by vgetty (process 123); stop it')
            return plug(line)

        lab.plug = held  # type: ignore[method-assign, assignment]
        proof = await lab.prove()
        first = proof.first_failed
        assert first is not None
        assert (first.key, first.remedy) == ("port", "Stop it.")
        assert "vgetty" in first.finding
        assert all(step.status in ("not run", "skipped") for step in proof.steps.values() if step.key != "port")


async def test_a_far_end_that_is_gone_is_blamed_for_it() -> None:
    async with proof_lab() as lab:
        lab.modems["b"].wedge()
        proof = await lab.prove()
        assert failed(proof) == ["caller-id", "withheld", "answered"]
        assert 'line "b"' in proof.steps["caller-id"].finding


async def test_the_report_tells_every_step_with_its_remedy_and_no_full_number() -> None:
    async with proof_lab() as lab:
        lab.subscribers["b"].withheld = "O"
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
    import numpy as np

    noise = (np.random.default_rng(1).standard_normal(8000 * 6) * 20).astype(np.int16)
    heard = noise.copy()
    heard[8000 : 8000 + len(OURS)] += (OURS * 0.25).astype(np.int16)
    found = find(heard, OURS)
    assert found.sure
    assert abs(found.delay - 1.0) <= 0.02
    assert abs(found.gain + 12) < 1
    assert not find(noise, OURS).sure
    assert not find(silence(6), OURS).sure
    assert not find(OURS[::-1].copy(), OURS).sure
