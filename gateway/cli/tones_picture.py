"""A call as a picture: its spectrogram, what was named in it, and the keys pressed."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.audio.dtmf import DtmfDetector, KeyDown
from gateway.audio.tones import ToneEvent
from gateway.errors import GatewayError
from gateway.line import SAMPLE_RATE, Samples

PAPER, INK, FAINT = "#fbfaf6", "#1d2733", "#8b8f94"
COLOURS = {
    "speech": "#3b7dd8",
    "silence": "#d9d6cd",
    "ringback": "#2f8f6b",
    "dial": "#7fb069",
    "busy": "#c4553b",
    "congestion": "#9c3d54",
    "sit": "#e08e2b",
    "beep": "#8d5fb0",
    "fax": "#6b6f76",
    "modem_answer": "#6b6f76",
}
KEY = "#f2c14e"
WINDOW, STEP = 256, 64
LOUDEST, QUIETEST = -10.0, -75.0
"""Of the grey scale, dBm0 in a bin."""
LONGEST = 240.0
"""Seconds from which on a column of the picture is more than a step."""
LETTER = 0.0058
"""Of the picture's width that a letter of a name takes; names that would run into the last are left out."""
LEAST = ("speech", "silence")
"""The names that give way to others."""
CLEAR = 0.01
"""The same between two keys."""


def draw(path: Path, sound: Samples, events: Sequence[ToneEvent], title: str) -> None:
    """Write a PNG of 8 kHz ``sound`` and what was named in it. Raises ``GatewayError`` without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise GatewayError(f"{path}: a PNG needs matplotlib; install the extra gateway[pictures]") from None
    seconds = max(len(sound) / SAMPLE_RATE, 0.1)
    figure = Figure(figsize=(min(22.0, max(11.0, seconds * 0.6)), 5.2), dpi=130, facecolor=PAPER)
    FigureCanvasAgg(figure)
    names, keys, waterfall = figure.subplots(
        3, 1, sharex=True, gridspec_kw={"height_ratios": (1.0, 0.5, 6), "hspace": 0.06}
    )
    figure.subplots_adjust(left=0.06, right=0.985, top=0.9, bottom=0.11)
    _spectrogram(waterfall, sound, seconds)
    _names(names, events, seconds)
    _keys((keys, waterfall), sound, seconds)
    names.set_title(f"{Path(title).name}, {seconds:.1f} s", loc="left", color=INK, fontsize=12, pad=8)
    waterfall.set_xlim(0, seconds)
    try:
        figure.savefig(path, facecolor=PAPER)
    except OSError as error:
        raise GatewayError(f"{path}: can't be written: {error.strerror}; name another file") from None
    except ValueError:
        raise GatewayError(f"{path}: no kind of picture; let the name end in .png or .svg") from None


def _spectrogram(axes: Any, sound: Samples, seconds: float) -> None:
    axes.imshow(
        _powers(sound),
        origin="lower",
        aspect="auto",
        extent=(0, seconds, 0, SAMPLE_RATE / 2),
        cmap="magma",
        vmin=QUIETEST,
        vmax=LOUDEST,
        interpolation="nearest",
    )
    axes.set_ylabel("Hz", color=INK)
    axes.set_xlabel("seconds", color=INK)
    axes.tick_params(colors=INK)


def _powers(sound: Samples) -> npt.NDArray[np.float64]:
    """dBm0 in each bin and step, shape (bins, steps)."""
    step = max(STEP, round(STEP * len(sound) / SAMPLE_RATE / LONGEST))
    padded = np.pad(sound.astype(np.float64), (WINDOW // 2, WINDOW))
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[: max(len(sound), 1) : step]
    hann = np.hanning(WINDOW)
    powers = np.abs(np.fft.rfft(windows * hann, axis=1)) ** 2 / (hann.sum() / 2) ** 2 / 32767.0**2
    levels: npt.NDArray[np.float64] = 10 * np.log10(powers.T + 1e-12) + 3.17
    return levels


def _names(axes: Any, events: Sequence[ToneEvent], seconds: float) -> None:
    """A bar for each name from where it began to where the next did; written out where there is room, tones first."""
    spans = [(early, min(late.began, seconds)) for early, late in pairwise(events)]
    spans += [(events[-1], seconds)] if events else []
    for event, end in spans:
        width = max(end - event.began, 0.02)
        axes.barh(0, width, left=event.began, height=0.8, color=COLOURS[event.name], edgecolor=PAPER, linewidth=0.6)
    taken: list[tuple[float, float]] = []
    for event, end in sorted(spans, key=lambda span: LEAST.index(span[0].name) if span[0].name in LEAST else -1):
        begin, after = event.began, event.began + LETTER * (len(event.name) + 1) * seconds
        if any(begin < other_end and other < after for other, other_end in taken):
            continue
        if event.name != "silence" or end > after:
            axes.text(begin, 0.52, event.name.replace("_", " "), fontsize=8.5, color=INK, va="bottom")
            taken.append((begin, after))
    axes.set_ylim(-0.45, 1.25)
    axes.axis("off")


def _keys(rows: tuple[Any, Any], sound: Samples, seconds: float) -> None:
    """Each key as long as it was down, and lines through its two tones."""
    above, waterfall = rows
    above.axis("off")
    above.set_ylim(0, 1)
    detector = DtmfDetector()
    written = -1.0
    for event in [*detector.feed(sound), *detector.flush()]:
        if isinstance(event, KeyDown):
            pressed = event
            waterfall.axvline(event.onset, ymax=0.46, color=KEY, linewidth=0.7, alpha=0.9)
            continue
        middle, width = (pressed.onset + event.ended) / 2, event.ended - pressed.onset
        above.barh(0.4, width, left=pressed.onset, height=0.7, color=KEY)
        if middle - written >= CLEAR * seconds:
            above.text(middle, 0.38, event.key, color=INK, fontsize=10, fontweight="bold", va="center", ha="center")
            written = middle
