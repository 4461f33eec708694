"""How much sound a second of processor time decodes. Rounds are interleaved: a noisy neighbour meets all alike."""

import time
from collections.abc import Callable

import numpy as np
from ears_cases import Case
from ears_decoders import FRAME, Decoder
from ears_sounds import RATE, Sound

from gateway.audio.dtmf import DtmfDetector, DtmfDetectors

LINES = 32
ROUNDS = 7


def speeds(decoders: dict[str, Decoder], cases: list[Case]) -> dict[str, float]:
    """By name: seconds of sound (times lines) for each second of processor time; the best of ``ROUNDS``."""
    sound = np.concatenate([case.sound for case in cases])
    seconds = len(sound) / RATE
    step = len(sound) // LINES
    lines = np.stack([np.roll(sound, -line * step) for line in range(LINES)])[:, : 10 * RATE]
    case = Case("speed", "order", "", (), sound)
    ways: dict[str, tuple[Callable[[], object], float]] = {
        "gateway, 1 line, 20 ms frames": (lambda: _frame_by_frame(sound), seconds),
        f"gateway, {LINES} lines at once, 20 ms frames": (lambda: _together(lines), LINES * lines.shape[1] / RATE),
        "gateway, 1 line, whole file": (lambda: DtmfDetector().feed(sound), seconds),
    }
    ways |= {
        f"{name} by ctypes, 20 ms frames": ((lambda decode=decode: decode(case)), seconds)
        for name, decode in decoders.items()
        if name in ("spandsp", "librem")
    }
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, (run, _) in ways.items():
            start = time.process_time()
            run()
            best[name] = min(best[name], time.process_time() - start)
    return {name: ways[name][1] / best[name] for name in ways}


def _frame_by_frame(sound: Sound) -> None:
    detector = DtmfDetector()
    for at in range(0, len(sound), FRAME):
        detector.feed(sound[at : at + FRAME])


def _together(lines: Sound) -> None:
    detectors = DtmfDetectors(len(lines))
    for at in range(0, lines.shape[1], FRAME):
        detectors.feed(lines[:, at : at + FRAME])
