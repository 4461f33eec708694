"""Eight tones at once, for many lines at once: the arithmetic that every 5 ms of sound has to pay for.

Blocks of 5 ms are projected on the eight DTMF tones; four neighbours make a 20 ms window every 5 ms (a hop). The
tables are whole numbers, so every sum of products is exact in double precision and no chunking can change a bit of it.
"""

import functools

import numpy as np
import numpy.typing as npt

from gateway.audio.dtmf_keys import HIGH, LOW
from gateway.line import SAMPLE_RATE, Samples

BLOCK = 40
"""Samples in a hop, 5 ms."""
SPAN = 4
"""Blocks in a window, 20 ms."""
WINDOW = BLOCK * SPAN
HISTORY = 40
"""Hops that stay available behind the newest one, 200 ms."""
ROOM = HISTORY + 64
"""Hops in a buffer before it is shifted."""

_SCALE = 2.0**14
TO_POWER = 2 / (WINDOW * _SCALE) ** 2
"""From the squared sum over a window to a tone's mean square."""
_TURNS = SAMPLE_RATE // BLOCK
"""Blocks after which all eight tones, whole numbers of Hz, are back in phase."""

Floats = npt.NDArray[np.float64]


@functools.cache
def _tables() -> Floats:
    """For each block of a second the eight tones' cosine and sine, and ones: shape (200, 17, 40), whole numbers."""
    time = np.arange(_TURNS * BLOCK).reshape(_TURNS, 1, BLOCK) / SAMPLE_RATE
    turn = 2 * np.pi * time * np.array([*LOW, *HIGH])[:, None]
    table = np.ones((_TURNS, 17, BLOCK))
    table[:, 0:8] = np.rint(_SCALE * np.cos(turn))
    table[:, 8:16] = np.rint(-_SCALE * np.sin(turn))
    return table


class FilterBank:
    """Power of the eight tones on each of ``lines`` lines. Row ``newest - 1`` of each buffer is the latest hop.

    ``power``: (hops, 8, lines), mean square of each tone alone in the 20 ms that end with the hop;
    ``energy``: (hops, lines), mean square of all there is but DC; ``sums``: (hops, 18, lines), the 5 ms
    times each tone's cosine, then minus each one's sine, then 1, then their squares' sum;
    ``sound``: (lines, samples), of which ``newest * BLOCK`` are the latest hop's last.
    Lines come last: numpy is quick along the last axis only, and that of the tones is short.
    """

    def __init__(self, lines: int) -> None:
        self.hops = 0
        """Hops since the beginning."""
        self.newest = HISTORY
        self.sound = np.zeros((lines, ROOM * BLOCK), np.int16)
        self.power = np.zeros((ROOM, 8, lines))
        self.energy = np.zeros((ROOM, lines))
        self.sums = np.zeros((ROOM, 18, lines))
        self._rest = np.zeros((lines, 0), np.int16)

    def take(self, samples: Samples) -> list[Samples]:
        """Sound of all lines, (lines, n), cut to pieces of whole blocks that ``advance`` accepts; keeps the rest."""
        if self._rest.shape[1]:
            samples = np.concatenate([self._rest, samples], axis=1)
        whole = samples.shape[1] // BLOCK * BLOCK
        self._rest = samples[:, whole:].copy()
        most = (ROOM - HISTORY) * BLOCK
        return [samples[:, at : min(at + most, whole)] for at in range(0, whole, most)]

    def advance(self, piece: Samples) -> int:
        """Take in a piece from ``take``; the number of new hops, which end the buffers."""
        count = int(piece.shape[1]) // BLOCK
        self._make_room(count)
        first, stop = self.newest, self.newest + count
        self.newest = stop
        self.sound[:, first * BLOCK : stop * BLOCK] = piece
        blocks = piece.reshape(-1, count, BLOCK).transpose(1, 0, 2).astype(np.float64, order="C")
        turn = self.hops % _TURNS
        tables = _tables()
        chosen = tables[turn : turn + count]
        if turn + count > _TURNS:
            chosen = tables[np.arange(turn, turn + count) % _TURNS]
        np.matmul(chosen, blocks.transpose(0, 2, 1), out=self.sums[first:stop, :17])
        np.einsum("ijk,ijk->ij", blocks, blocks, out=self.sums[first:stop, 17])
        self._windows(first, stop)
        self.hops += count
        return count

    def _windows(self, first: int, stop: int) -> None:
        back = first - SPAN + 1
        pairs = self.sums[back : stop - 1] + self.sums[back + 1 : stop]
        window = pairs[:-2] + pairs[2:]
        square = window[:, :17] * window[:, :17]
        power = self.power[first:stop]
        np.add(square[:, 0:8], square[:, 8:16], out=power)
        power *= TO_POWER
        energy = np.multiply(square[:, 16], -1 / WINDOW, out=self.energy[first:stop])
        energy += window[:, 17]
        energy *= 1 / WINDOW

    def suspects(self, count: int, floor: float, share: float) -> npt.NDArray[np.bool_]:
        """For each line whether in the last ``count`` hops a tone of either group passed ``floor`` (mean square) and
        both may have had ``share`` of all energy at a time; False is certain, True is not."""
        most = self.power[self.newest - count : self.newest].max(axis=0)
        low, high = most.reshape(2, 4, -1).max(axis=1)
        least = self.energy[self.newest - count : self.newest].min(axis=0)
        return np.asarray((low + high > share * least) & (np.minimum(low, high) > floor), dtype=np.bool_)

    def power_in_10_ms(self, row: int, line: int, hops: int) -> Floats:
        """The eight tones' power in windows of two blocks, for the last hops up to buffer row ``row``: (hops, 8)."""
        sums = self.sums[row - hops : row + 1, :16, line]
        square = np.square(sums[:-1] + sums[1:])
        return np.asarray((square[:, 0:8] + square[:, 8:16]) * (TO_POWER * (SPAN / 2) ** 2))

    def all_above(self, count: int, least: Floats) -> npt.NDArray[np.bool_]:
        """For each line whether in the last ``count`` hops every tone had at least its ``least`` power, (8, lines)."""
        lowest = self.power[self.newest - count : self.newest].min(axis=0)
        return np.asarray((lowest >= least).all(axis=0), dtype=np.bool_)

    def _make_room(self, count: int) -> None:
        if self.newest + count <= ROOM:
            return
        keep = slice(self.newest - HISTORY, self.newest)
        for buffer in (self.power, self.energy, self.sums):
            buffer[:HISTORY] = buffer[keep].copy()
        self.sound[:, : HISTORY * BLOCK] = self.sound[:, keep.start * BLOCK : keep.stop * BLOCK].copy()
        self.newest = HISTORY
