"""Our own sound comes back from a two-wire line; it is known, so it can be taken away.

First the delay is found: the cross-correlation of the last 0.7 s of what came in with what was sent, both flattened
in frequency (the generalised correlation of Knapp and Carter, IEEE Trans. ASSP 24, 1976), has its peak there. Then the
24 ms of echo path about that delay are solved for by least squares, with forgetting: unlike a gradient method this is
as quick with speech, whose spectrum is anything but flat, as with noise.

Double-talk: every block is weighed by the inverse of what it leaves after cancelling, so a key pressed into a prompt,
being much stronger than that, has next to no say in the path. By the same weights the estimated echo is compared with
what came in, and while it is not in there nothing is taken away.
"""

import numpy as np
import numpy.typing as npt

from gateway.audio.pcm import to_samples
from gateway.line import Samples

BLOCK = 160
TAPS = 192
"""Of echo path, 24 ms."""
EARLY = 64
"""Of these, before the strongest."""
LONGEST = 2240
"""Longest delay that is looked for, samples: 280 ms."""
COMPARED = 5600
"""Samples in which an echo is looked for, 0.7 s."""
FFT = 8192
PAST = COMPARED + LONGEST + TAPS
ROOM = 32 * BLOCK
"""Samples in a buffer before it is shifted."""
HUSH = 40.0
"""RMS (16-bit units) of what was sent below which there is nothing to learn from."""
FORGET = 0.98
"""Weight of a block once another has come: a second's memory."""
STEPS = 74.0**2
"""Power that is noise in any case: the steps of 8-bit sound."""
THINNED = 4
"""One in so many samples gives an equation: enough, at that share of the work."""
ROWS = BLOCK // THINNED
"""Equations of a block."""
SOLVE_EVERY = 8
SEARCH_EVERY = 6
"""Blocks from one solution, or one look for the delay, to the next."""
EAGER = 12
"""So many solutions, 2 s, take all blocks after the delay was found, and it may yet be found elsewhere; ..."""
PATIENT = 4
"""... then one block in so many will do while the echo is gone: at half the work."""
CERTAIN = 45.0
"""Square of the correlation's peak over the mean of all: chance hardly makes more than 30 of it."""
SETTLED = 0.1
"""Share of the echo's power left over, 10 dB less, with which the delay is not called in question."""
HALF = 0.5
"""Share of the estimated echo that must be found in what came in."""
MEMORY = 0.8
"""Weight of a block in such comparisons once another has come."""
TAP = 0.25 / 32
"""Variance that a tap has before anything is known: a loud echo, -6 dB, in 4 ms. As every equation is divided by
the standard deviation of its noise, this is all the regularisation that is needed."""

Floats = npt.NDArray[np.float32]


class EchoCanceller:
    """Takes the echo of ``played`` out of ``heard``, 8 kHz, one object a call; delays up to 250 ms.

    Some 40 µs for 20 ms of sound while something plays, 3 µs otherwise. Equations are gathered from one solution to
    the next and summed up at once: going through all of the normal matrix for every block costs three times as much.
    """

    def __init__(self) -> None:
        self._sent = np.zeros(PAST + ROOM, np.float32)
        self._heard = np.zeros(PAST + ROOM, np.float32)
        self._at = PAST  # where the block under way begins in both
        self._windows = np.lib.stride_tricks.sliding_window_view(self._sent, TAPS)
        self._echo = np.zeros(BLOCK, np.float32)
        self._filled = 0
        self._silent_for = PAST
        self._blocks = 0
        self._equations = np.empty((SOLVE_EVERY * ROWS, TAPS), np.float32)
        self._right = np.empty(SOLVE_EVERY * ROWS, np.float32)
        self._locate(0)

    def _locate(self, delay: int) -> None:
        """Begin with another delay, samples."""
        self._delay = delay
        self._path = np.zeros(TAPS, np.float32)  # last tap first
        self._normal = np.zeros((TAPS, TAPS), np.float32)
        self._target = np.zeros(TAPS, np.float32)
        self._recent = np.zeros(4)  # weighed energies: came in, left over, echo found in what came in, echo
        self._gathered = 0  # blocks whose equations wait for the next solution
        self._solutions = 0  # until now
        self._left = 0.0  # power of what is left over

    def process(self, heard: Samples, played: Samples) -> Samples:
        """``heard`` less the echo of ``played``: both of the same length and time, and so is what is returned."""
        pieces, at = [heard[:0]], 0
        while at < len(heard):
            stop = min(at + BLOCK - self._filled, len(heard))
            pieces.append(self._piece(heard[at:stop], played[at:stop]))
            at = stop
        return pieces[1] if len(pieces) == 2 else np.concatenate(pieces)

    def _piece(self, heard: Samples, played: Samples) -> Samples:
        """Up to the end of the block under way."""
        begin, end = self._filled, self._filled + len(heard)
        now = slice(self._at + begin, self._at + end)
        self._sent[now] = played
        self._heard[now] = heard
        self._filled = end % BLOCK
        sounding = self._sent[self._at : now.stop].any()
        if self._silent_for >= PAST and not sounding:
            self._go_on(end)
            return heard
        trusted = self._recent[2] > HALF * self._recent[3]
        self._echo[begin:end] = np.correlate(self._source(begin, end), self._path)
        left = heard - self._echo[begin:end]
        if end == BLOCK:
            self._silent_for = 0 if sounding else self._silent_for + BLOCK
            self._learn()
        self._go_on(end)
        return to_samples(left) if trusted else heard

    def _go_on(self, end: int) -> None:
        """To the next block, if this one has come to its end."""
        if end < BLOCK:
            return
        self._at += BLOCK
        if self._at == len(self._sent):
            for buffer in (self._sent, self._heard):
                buffer[:PAST] = buffer[-PAST:].copy()
            self._at = PAST

    def _source(self, begin: int, end: int) -> Floats:
        """What was sent that the echo in a part of the block comes from: ``TAPS`` - 1 samples more than that has."""
        last = self._at - self._delay
        return self._sent[last + begin - TAPS + 1 : last + end]

    def _learn(self) -> None:
        source, heard = self._source(0, BLOCK), self._heard[self._at : self._at + BLOCK]
        if np.dot(source, source) < len(source) * HUSH**2:
            return
        left = heard - self._echo
        weight = 1 / (np.dot(left, left) / BLOCK + STEPS)
        products = (np.dot(heard, heard), np.dot(left, left), np.dot(heard, self._echo), np.dot(self._echo, self._echo))
        self._recent = MEMORY * self._recent + weight * np.array(products)
        self._left = MEMORY * self._left + (1 - MEMORY) * float(products[1]) / BLOCK
        self._blocks += 1
        eager = self._unsettled or self._solutions < EAGER
        if eager or self._blocks // SOLVE_EVERY % PATIENT == 0:
            self._gather(heard, weight)
        if self._gathered == SOLVE_EVERY:
            self._normal *= FORGET**SOLVE_EVERY
            self._target *= FORGET**SOLVE_EVERY
            self._add(self._equations, self._right)
            self._gathered = 0
            self._solutions += 1
            self._solve()
        if self._blocks % SEARCH_EVERY == 0 and eager:
            self._search()

    @property
    def _unsettled(self) -> bool:
        """Too much is left over of late."""
        return bool(self._recent[1] > SETTLED * self._recent[0]) and self._left > 2 * STEPS

    def _gather(self, heard: Floats, weight: float) -> None:
        """Keep the block's equations, forgotten already as far as they will be by the next solution."""
        at = slice(self._gathered * ROWS, (self._gathered + 1) * ROWS)
        self._gathered += 1
        chosen = self._blocks % THINNED
        first = self._at - self._delay - TAPS + 1
        factor = np.float32(np.sqrt(weight * FORGET ** (SOLVE_EVERY - self._gathered)))
        np.multiply(self._windows[first + chosen : first + BLOCK : THINNED], factor, out=self._equations[at])
        np.multiply(heard[chosen::THINNED], factor, out=self._right[at])

    def _add(self, equations: Floats, right: Floats) -> None:
        self._normal += equations.T @ equations
        self._target += equations.T @ right

    def _solve(self) -> None:
        normal = self._normal + np.eye(TAPS) / TAP  # double precision: twice as fast in LAPACK as single
        self._path = np.linalg.solve(normal, self._target).astype(np.float32)

    def _search(self) -> None:
        """Look where the echo is; if it is elsewhere, begin anew there with all that is still at hand."""
        end = self._at + BLOCK
        recent = self._heard[end - COMPARED : end]
        sent = np.fft.rfft(self._sent[end - COMPARED - LONGEST : end], FFT)
        heard = np.fft.rfft(recent, FFT)
        cross = np.conj(sent) * heard
        size = np.abs(cross)
        flat = np.fft.irfft(cross / (size + (0.01 * size.mean() + 1e-9)), FFT)
        lags = flat[-LONGEST:] ** 2
        peak = int(np.argmax(lags))
        delay = max(0, peak - EARLY)
        if lags[peak] < CERTAIN * lags.mean() or abs(delay - self._delay) <= TAPS // 4:
            return
        self._locate(delay)
        blocks = np.square(recent.reshape(-1, BLOCK)).mean(axis=1)
        weight = np.repeat(1 / np.sqrt(blocks + np.float32(STEPS)), ROWS)
        last = end - delay - TAPS + 1
        self._add(self._windows[last - COMPARED : last : THINNED] * weight[:, None], recent[::THINNED] * weight)
        self._solve()
