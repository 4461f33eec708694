"""One stereo WAV a call: left the far end, right what we said."""

import wave
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from gateway import clock
from gateway.line import SAMPLE_RATE, LineLost, Samples


class Recording:
    """A call being recorded into ``folder``; the file is named by line and time, never by number."""

    def __init__(self, folder: str, line: str) -> None:
        """Raises ``LineLost`` where the folder can't be written."""
        stamp = datetime.fromtimestamp(clock.wall_clock(), UTC)
        path = Path(folder) / f"{line}-{stamp:%Y%m%d-%H%M%S-%f}.wav"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._wav = wave.open(str(path), "wb")  # noqa: SIM115 - open for the length of the call
        except OSError as error:
            raise LineLost(f'line "{line}": {path} can\'t be written ({error.strerror}); correct line.record') from None
        self._wav.setnchannels(2)
        self._wav.setsampwidth(2)
        self._wav.setframerate(SAMPLE_RATE)

    def add(self, far: Samples, near: Samples) -> None:
        """What passed at the same time, both of the same length."""
        self._wav.writeframes(np.column_stack((far, near)).astype("<i2").tobytes())

    def close(self) -> None:
        """The call is over."""
        self._wav.close()
