"""The first half of a proof: the port, the modem on it, its SIM and network, and the line's dial tone."""

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

import numpy as np

from gateway.audio.pcm import level
from gateway.cli.line_choice import NOBODY
from gateway.cli.proof import Broken, Failed, Proof
from gateway.line import SAMPLE_RATE, Line, Samples
from gateway.modems import gsm_setup
from gateway.modems.catalogue import open_line, profile_of
from gateway.modems.commands import CommandChannel
from gateway.modems.gsm_modem import Library
from gateway.modems.gsm_profiles import GSM_PROFILES, GsmProfile
from gateway.modems.profiles import ESCAPE, PROFILES, ModemProfile
from gateway.modems.serial_port import Port, SerialPort
from gateway.modems.trace import Trace
from gateway.modems.voice_modem import VoiceModem
from gateway.numbers import PhoneNumber
from gateway.protocols.at import Command
from gateway.settings import LineSettings

LETTING_PASS = 0.2
TRIES = (0.5, 1.0, 2.0)
"""Seconds that a first AT may take, the next, and so on."""
AUDIBLE = -40.0
"""dBm0; exchanges send dial tone at −10 to −25, and a dead line gives next to nothing."""

DIAL_TONES: dict[str, tuple[int, ...]] = {
    # Hz; ITU-T E.180 Supplement 2
    "JP": (400,),
    "US": (350, 440),
    "CA": (350, 440),
    "GB": (350, 440),
    "FR": (440,),
    "DE": (425,),
    "IT": (425,),
    "ES": (425,),
    "NL": (425,),
    "BE": (425,),
    "CN": (450,),
    "IN": (400,),
}
NEAR = 12.0
"""Hz by which a tone may be off."""


@dataclass(frozen=True)
class Ways:
    """How ports and lines are opened; tests put theirs here."""

    plug: Callable[[LineSettings], Port] = lambda line: SerialPort(line.port, line.baud, line.name)
    open: Callable[[LineSettings], AbstractAsyncContextManager[Line]] = open_line


async def examine(proof: Proof, line: LineSettings, ways: Ways) -> None:
    """Port, modem, SIM, network, country, by commands alone. Raises ``Broken`` where no call can follow."""
    with proof.step("port") as step:
        port = ways.plug(line)
        step.finding = f"{line.port}: free"
    proof.need("port")
    channel = CommandChannel(port, Trace(line.trace, port.name), lambda event: None, lambda lost: None)
    try:
        await _answers(proof, channel, profile_of(line.model))
        profile = profile_of(line.model)
        if isinstance(profile, GsmProfile):
            await _mobile(proof, channel, line, profile)
        else:
            await _analogue(proof, channel, profile)
    finally:
        channel.close()
    _country(proof, line)
    for key in ("voice", "sim", "network"):
        if proof.steps[key].status == "failed":
            raise Broken


async def _answers(proof: Proof, channel: CommandChannel, profile: ModemProfile | GsmProfile) -> None:
    with proof.step("answers") as step:
        await channel.flush(b"" if isinstance(profile, GsmProfile) else ESCAPE, LETTING_PASS)
        for number, within in enumerate(TRIES, 1):
            if await channel.answers("AT", within):
                step.finding = "at once" if number == 1 else f"to AT number {number}"
                break
        else:
            raise Failed(
                "nothing comes back to AT",
                "Unplug the modem, wait ten seconds and plug it in again. If it stays silent: is this its command port "
                "(gateway line list shows which), and is line.baud right?",
            )
        await channel.ask("ATE0")
    proof.need("answers")


async def _analogue(proof: Proof, channel: CommandChannel, profile: ModemProfile) -> None:
    with proof.step("model") as step:
        said = await channel.ask(Command(profile.identify, information=("",)))
        step.finding = ", ".join(said.information) or "it does not say what it is"
        others = {name: known.known_as for name, known in PROFILES.items() if known.known_as}
        _judge_model(" ".join(said.information), profile.name, profile.known_as, others)
    with proof.step("voice") as step:
        asked = await channel.ask(Command(profile.classes, information=("", "+FCLASS", "#CLS")))
        classes = " ".join(asked.information)
        step.finding = f"{profile.classes}: {classes or asked.result}"
        if "8" not in re.findall(r"[\d.]+", classes):
            raise Failed(
                f"it has no voice class ({step.finding})",
                "This modem does data and fax only. Use one with voice: docs/modems.md lists them.",
            )


async def _mobile(proof: Proof, channel: CommandChannel, line: LineSettings, profile: GsmProfile) -> None:
    with proof.step("model") as step:
        replies = [await gsm_setup.ask(channel, text) for text in ("AT+CGMI", "AT+CGMM")]
        said = " ".join(text for reply in replies for text in reply.information)
        step.finding = said or "it does not say what it is"
        _judge_model(said, profile.name, profile.known_as, {name: p.known_as for name, p in GSM_PROFILES.items()})
    with proof.step("voice") as step:
        await _mobile_voice(channel, profile)
        step.finding = "it has the commands for a call's sound"
    library = Library(channel)
    try:
        with proof.step("sim") as step:
            await gsm_setup.unlock(channel, library, line.pin)
            step.finding = "ready"
        with proof.step("network") as step:
            proof.need("sim")
            await gsm_setup.await_network(channel)
            operator = await library.run(lambda modem: modem.networkName)
            signal = await library.run(lambda modem: modem.signalStrength)
            step.finding = f"{operator or 'an unnamed network'}, signal {signal} of 31"
    except Broken:
        proof.steps["network"].status = "failed" if proof.steps["sim"].status == "passed" else "not run"
    finally:
        library.shut()


async def _mobile_voice(channel: CommandChannel, profile: GsmProfile) -> None:
    for text in (*profile.serial.prepare, *profile.serial.begin):
        name = text.partition("=")[0]
        reply = await gsm_setup.ask(channel, f"{name}?")
        if reply.result != "OK":
            raise Failed(
                f"it answers {reply.result} to {name}?: its calls have no sound for us",
                "This modem, or its firmware, is for data only. Use one with voice: docs/gsm.md lists them.",
            )


def _judge_model(said: str, model: str, pattern: str, others: dict[str, str]) -> None:
    if re.search(pattern, said, re.IGNORECASE):
        return
    for name, known_as in others.items():
        if name != model and re.search(known_as, said, re.IGNORECASE):
            raise Failed(f'it calls itself "{said}", a {name}', f'Set line.model = "{name}".')


def _country(proof: Proof, line: LineSettings) -> None:
    with proof.step("country") as step:
        if line.number == NOBODY:
            step.finding = f"{line.country}; the line's own number is not known"
            return
        region = PhoneNumber(line.number).region
        step.finding = f"{line.country}, as the line's number has it"
        if region != line.country:
            raise Failed(
                f"the line's number is one of {region or 'no country'}, but line.country is {line.country}",
                f'Set line.country = "{region}", or correct line.number: caller ID, tones and dialling go by it.',
            )


async def hear_dial_tone(proof: Proof, line: Line, settings: LineSettings) -> None:
    """Off hook without a call, on an analogue line. Raises ``Broken`` where the line is dead."""
    if not isinstance(line, VoiceModem):
        return
    with proof.step("dial-tone") as step:
        async with line.seized() as voice:
            pieces = [(await voice.hear()).samples for _ in range(round(2.0 * SAMPLE_RATE / 160))]
        sound = np.concatenate(pieces[len(pieces) // 2 :])
        loud, tones = level(sound), frequencies(sound)
        step.finding = f"{' + '.join(f'{tone:.0f}' for tone in tones) or 'no tone'}, {loud:.0f} dBm0"
        if loud < AUDIBLE:
            raise Failed(
                f"no dial tone ({loud:.0f} dBm0)",
                "The line is dead. Check the cord and the socket with a telephone; then have the line repaired.",
            )
        _judge_tone(tones, settings.country)
    proof.need("dial-tone")


def frequencies(sound: Samples) -> list[float]:
    """The tones in a second of steady sound, Hz, the weakest 20 dB under the strongest."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    power[(hertz < 300) | (hertz > 700)] = 0
    found: list[float] = []
    if (strongest := power.max()) <= 0:
        return found
    while power.max() > strongest / 100 and len(found) < 4:
        peak = float(hertz[int(np.argmax(power))])
        found.append(peak)
        power[np.abs(hertz - peak) < NEAR] = 0
    return sorted(found)


def _judge_tone(tones: list[float], country: str) -> None:
    def fits(known: tuple[int, ...]) -> bool:
        return len(known) == len(tones) and all(abs(a - b) <= NEAR for a, b in zip(known, tones, strict=True))

    if country not in DIAL_TONES or fits(DIAL_TONES[country]):
        return
    elsewhere = [name for name, known in DIAL_TONES.items() if fits(known)]
    heard = " + ".join(f"{tone:.0f}" for tone in tones)
    if elsewhere:
        raise Failed(
            f"the dial tone is {heard} Hz, that of {', '.join(elsewhere)}; in {country} it is another",
            f'Set line.country = "{elsewhere[0]}" (it is "{country}"), unless a private exchange makes this tone.',
        )
