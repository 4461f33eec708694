"""What the AT commands of a voice modem do: its parameters, identification, voice and calls.

A model's table names each command's verb; two dialects (V.253 and Rockwell's) share the verbs.
"""

import re
from collections.abc import Callable, Mapping

import numpy as np

from gateway.bench.emulators.at import Action, AtInterpreter, Command, Handler, Kind, Outcome, Refused
from gateway.bench.emulators.dialling import Dialler
from gateway.bench.emulators.line_side import LineSide
from gateway.bench.emulators.models import ModemModel
from gateway.bench.emulators.sound import DTMF, tone
from gateway.bench.emulators.voice import Mode, VoicePath
from gateway.bench.wire import Samples, Wire

VOICE = "8"
TONE_RANGE = (200, 3400)
KEY_GAP = 0.1
_TONE: re.Pattern[str] = re.compile(r"\[[^\]]*\]|\{[^}]*\}|[^,]+")
ABORTABLE = {"dial", "answer"}


class Commands:
    """The verbs, and the parameters that they read. ``attach`` gives it the interpreter that it answers through."""

    def __init__(self, model: ModemModel, wire: Wire, line: LineSide, voice: VoicePath) -> None:
        self._model = model
        self._wire = wire
        self._line = line
        self._voice = voice
        self._at: AtInterpreter
        self._dialler = Dialler(wire, line, lambda number: self._at.s[number], lambda: self.parameters["X"])
        self.parameters: dict[str, str] = {}
        self.restore()
        line.silence_after = self._silence_after

    def attach(self, at: AtInterpreter) -> None:
        """From now on replies go through ``at``."""
        self._at = at

    @property
    def in_voice_class(self) -> bool:
        """Whether the program has chosen voice (class 8)."""
        return self.parameters[self._model.names.service_class] == VOICE

    @property
    def judging(self) -> bool:
        """Whether a call is being dialled."""
        return self._dialler.judging

    @property
    def caller_id(self) -> str:
        """0 off, 1 formatted, 2 raw."""
        return self.parameters[self._model.names.caller_id]

    def restore(self) -> None:
        """All parameters as after power-up."""
        self.parameters = {name: parameter.default for name, parameter in self._model.parameters.items()}
        self._format_text, self._format = self._model.default_format, self._model.formats[self._model.default_format]

    def actions(self) -> Mapping[str, Action]:
        """The command table for the interpreter."""
        verbs: dict[str, Handler] = {
            "accept": lambda _: "OK",
            "answer": self._answer,
            "both": lambda _: self._connect(Mode.BOTH),
            "device": self._device,
            "dial": self._dial,
            "factory": self._factory,
            "format": self._set_format,
            "hook": self._hook,
            "identify": self._identify,
            "line": self._line_select,
            "online": lambda _: "NO CARRIER",
            "play": lambda _: self._connect(Mode.PLAY),
            "record": lambda _: self._connect(Mode.RECORD),
            "reset": self._reset,
            "show": self._show,
            "store": lambda _: "OK",
            "tone": self._tone,
            "voice_reset": lambda _: "OK",
        }
        actions = {name: Action(verbs[verb], verb in ABORTABLE) for name, verb in self._model.verbs.items()}
        actions |= {name: Action(self._parameter) for name in self._model.parameters}
        actions |= {name: Action(self._identify) for name in self._model.identification if not re.match(r"I\d", name)}
        return actions

    async def pick_up(self) -> Outcome:
        """Answer in the class that is set."""
        if not self.in_voice_class:
            return await self._dialler.answer_data()
        self._line.lift()
        return self._model.voice_result

    def _parameter(self, command: Command) -> Outcome:
        known = self._model.parameters[command.name]
        if command.kind is Kind.TEST:
            self._at.say(known.listing)
        elif command.kind is Kind.READ:
            self._at.say(self.parameters[command.name])
        elif not re.fullmatch(known.pattern, command.value):
            raise Refused
        else:
            self.parameters[command.name] = command.value or "0"
        return "OK"

    def _identify(self, command: Command) -> Outcome:
        name = f"I{command.number}" if command.name == "I" else command.name
        if name not in self._model.identification:
            raise Refused
        for line in self._model.identification[name].splitlines():
            if line != "OK":
                self._at.say(line)
        return "OK"

    def _show(self, command: Command) -> Outcome:
        del command
        for name in sorted(self.parameters):
            self._at.say(f"{name}: {self.parameters[name]}")
        return "OK"

    def _factory(self, command: Command) -> Outcome:
        del command
        self.restore()
        self._at.reset()
        return "OK"

    def _reset(self, command: Command) -> Outcome:
        self._line.hang_up()
        return self._factory(command)

    def _hook(self, command: Command) -> Outcome:
        if command.number > 1:
            raise Refused
        if command.number:
            self._line.lift()
        else:
            self._line.hang_up()
        return "OK"

    async def _answer(self, command: Command) -> Outcome:
        del command
        return await self.pick_up()

    async def _dial(self, command: Command) -> Outcome:
        names, parameters = self._model.names, self.parameters

        async def judge() -> Outcome:
            if not self.in_voice_class:
                return await self._dialler.for_carrier()
            if self._model.dial_result == "at once" or not names.ringback_gone or not names.ringback_never:
                return self._model.voice_result
            gone = int(parameters[names.ringback_gone]) * 0.1
            never = int(parameters[names.ringback_never]) * names.ringback_never_unit
            return await self._dialler.by_ear(gone, never, self._model.voice_result)

        return await self._dialler.dial(command.value, judge)

    def _line_select(self, command: Command) -> Outcome:
        """+VLS: a device, and with it the line or not."""
        if command.kind is Kind.READ:
            self._at.say("1" if self._line.off_hook else "0")
        elif command.kind is Kind.TEST:
            self._at.say(",".join(map(str, self._model.line_devices)))
        elif command.number not in self._model.line_devices:
            raise Refused
        elif self._model.line_devices[command.number]:
            self._line.lift()
        else:
            self._line.hang_up()
        return "OK"

    def _device(self, command: Command) -> Outcome:
        """#VLS: a device; the line itself is seized by ATA and ATD only, a local one is on at once."""
        if command.kind is Kind.TEST:
            self._at.say(",".join(map(str, self._model.line_devices)))
            return "OK"
        if command.number not in self._model.line_devices:
            raise Refused
        return "OK" if self._model.line_devices[command.number] else "VCON"

    def _set_format(self, command: Command) -> Outcome:
        if command.kind is Kind.TEST:
            for line in self._model.format_listing:
                self._at.say(line)
        elif command.kind is Kind.READ:
            self._at.say(self._format_text)
        else:
            number, *rest = command.value.split(",")
            chosen = self._model.formats.get(number)
            if chosen is None or (rest and rest[0] and rest[0] != str(chosen.rate)):
                raise Refused
            self._format_text, self._format = command.value, chosen
        return "OK"

    async def _connect(self, mode: Mode) -> Outcome:
        if not self.in_voice_class:
            raise Refused
        self._at.result("CONNECT")
        self._wire.log("voice_begin", mode=mode.value)
        self._line.watch_silence()
        early = self._at.take_waiting()
        try:
            await self._voice.run(mode, self._format, early, self._at.receive, self._line.keep_time)
        finally:
            self._wire.log("voice_end", mode=mode.value)
        return self._model.voice_result

    async def _tone(self, command: Command) -> Outcome:
        if not self.in_voice_class:
            raise Refused
        if command.kind is Kind.TEST:
            self._at.say("(200-3200),(200-3200),(0-500)")
            return "OK"
        await self._line.play(self._tones(command.value))
        return "OK"

    def _tones(self, text: str) -> Samples:
        unit = self._model.names.tone_unit
        parts: list[Samples] = []
        for item in _TONE.findall(text):
            if item[0] == "[":
                fields: list[str] = item[1:-1].split(",")
                first, second, length = (fields + ["", ""])[:3]  # noqa: RUF005 - mypy can't follow the starred form
                parts.append(tone(self._pair(first, second), _number(length, self._tone_length) * unit))
            else:
                key, _, length = item.strip("{}").partition(",")
                if key not in DTMF:
                    raise Refused
                parts += [tone(DTMF[key], _number(length, self._tone_length) * unit), tone((), KEY_GAP)]
        if not parts:
            raise Refused
        return np.concatenate(parts)

    def _pair(self, first: str, second: str) -> tuple[int, ...]:
        if self._model.tone_needs_two and second == "0":
            raise Refused
        pair = (_number(first, lambda: 0), _number(second, lambda: 0))
        if any(frequency and not TONE_RANGE[0] <= frequency <= TONE_RANGE[1] for frequency in pair):
            raise Refused
        return pair

    def _tone_length(self) -> int:
        return int(self.parameters[self._model.names.tone_length])

    def _silence_after(self) -> float:
        """Seconds of silence to report; 0 while they don't matter."""
        if self._voice.mode is Mode.PLAY:
            return 0.0
        return int(self.parameters[self._model.names.silence].split(",")[-1]) * 0.1


def _number(text: str, default: Callable[[], int]) -> int:
    if not text:
        return default()
    if not text.isdecimal():
        raise Refused
    return int(text)
