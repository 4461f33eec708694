"""One stereo WAV a call: left the far end, right what we said."""

import contextlib
import logging
import wave
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from gateway import clock
from gateway.line import SAMPLE_RATE, Samples

log = logging.getLogger(__name__)


class Recording:
    """A call being recorded into ``folder``; the file is named by line and time, never by number.

    What can't be written is missing, and the log says why: a full disk is no reason to lose the call.
    """

    def __init__(self, folder: str, line: str) -> None:
        stamp = datetime.fromtimestamp(clock.wall_clock(), UTC)
        self._path = Path(folder) / f"{line}-{stamp:%Y%m%d-%H%M%S-%f}.wav"
        self._wav: wave.Wave_write | None = None
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._wav = wave.open(str(self._path), "wb")  # noqa: SIM115 - open for the length of the call
        except OSError as error:
            self._give_up(error)
            return
        self._wav.setnchannels(2)
        self._wav.setsampwidth(2)
        self._wav.setframerate(SAMPLE_RATE)

    def add(self, far: Samples, near: Samples) -> None:
        """What passed at the same time, both of the same length."""
        if self._wav is None:
            return
        try:
            self._wav.writeframes(np.column_stack((far, near)).astype("<i2").tobytes())
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """The call is over. No effect when closed."""
        wav, self._wav = self._wav, None
        if wav is not None:
            with contextlib.suppress(OSError):
                wav.close()

    def _give_up(self, error: OSError) -> None:
        log.error("%s can't be written (%s); make room, or correct line.record", self._path, error.strerror)
        self.close()
