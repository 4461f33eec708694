"""What a conversation listens for is what the country's exchange gives, or what a table of one's own says."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gateway.audio.tones_table import Table, read_table
from gateway.calls.conversation import Conversation
from gateway.line import SAMPLE_RATE, CallEnded, Heard, Samples

FRAME = 160


class Receiver:
    """A voice path on which the far end's exchange is heard, and nothing is said."""

    answer_told = False

    def __init__(self, sound: Samples) -> None:
        self._frames: Iterator[Samples] = iter(sound[: len(sound) // FRAME * FRAME].reshape(-1, FRAME))

    def play(self, sound: Samples) -> None:
        raise AssertionError("nothing is said here")

    async def played(self) -> None:
        await asyncio.sleep(0)

    def hush(self) -> None:
        raise AssertionError("nothing is said here")

    async def hear(self) -> Heard:
        frame = next(self._frames, None)
        if frame is None:
            raise EOFError
        return Heard(frame, np.zeros_like(frame))


def island_busy(seconds: float) -> Samples:
    """330 Hz, 0.9 s on and 1.1 s off, at about -16 dBm0."""
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sound = 3600 * np.sin(2 * np.pi * 330 * t) * (t % 2.0 < 0.9)
    return sound.astype(np.int16)


@pytest.fixture
def table(tmp_path: Path) -> Table:
    file = tmp_path / "island.toml"
    file.write_text("[QZ]\nbusy = {hz = [330], seconds = [0.9, 1.1]}\n", encoding="utf-8")
    return read_table(file)


async def listen(conversation: Conversation) -> None:
    conversation.answered = True
    while True:
        await conversation.listen()


async def test_a_hang_up_is_known_by_the_busy_tone_of_a_table_of_ones_own(table: Table) -> None:
    with pytest.raises(CallEnded):
        await listen(Conversation(Receiver(island_busy(8.0)), "QZ", table))


async def test_without_that_table_the_tone_means_nothing() -> None:
    with pytest.raises(EOFError):
        await listen(Conversation(Receiver(island_busy(8.0)), "QZ"))
