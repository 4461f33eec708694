"""A picture of the call-back leg: what went over the line both ways, with the prompts and keys marked.

The time runs in rows like a page of music: prompts above, the box's sound, the customer's sound, and his keys.
"""

import logging
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.bench.sound import RATE
from gateway.bench.transcript import Said
from gateway.bench.wire import Samples
from gateway.errors import GatewayError

INK = "#16202c"
FAINT = "#8a8f98"
PAPER = "#ffffff"
PROMPT = "#1f6f8b"
KEY = "#c2410c"
WINDOW = 512
STEP = 64
FLOOR_DB = -74.0
TOP_DB = -16.0
ROW_SECONDS = 16.0
INCHES = 14.0
CJK_FONTS = ("Noto Sans CJK JP", "Noto Sans JP", "IPAPGothic", "IPAGothic", "TakaoPGothic", "VL PGothic")
LATIN_PER_SECOND, CJK_PER_SECOND = 12.5, 7.5
"""Characters of a label that fit above a second of sound."""


class NoPictures(GatewayError):
    """matplotlib is not installed."""


@dataclass(frozen=True)
class Scene:
    """What is to be drawn. ``keys``: seconds from the recording's start and the key, as the exchange decoded them."""

    box: Samples
    customer: Samples
    prompts: Sequence[Said]
    keys: Sequence[tuple[float, str]]
    title: str
    subtitle: str

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return max(1.0, len(self.box) / RATE)


def draw(path: Path, scene: Scene) -> None:
    """Write a PNG. Raises ``NoPictures``."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise NoPictures(
            'matplotlib is missing, so there is no picture; pip install "gateway[pictures]" in this environment'
        ) from None
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    rows = math.ceil(scene.seconds / ROW_SECONDS)
    height = 1.35 + 1.75 * rows
    figure = Figure(figsize=(INCHES, height), dpi=110, facecolor=PAPER)
    FigureCanvasAgg(figure)
    figure.text(0.045, 1 - 0.42 / height, scene.title, fontsize=17, fontweight="bold", color=INK, va="center")
    figure.text(0.045, 1 - 0.74 / height, scene.subtitle, fontsize=10, color=FAINT, va="center")
    grid = figure.add_gridspec(
        rows * 4, 1, height_ratios=(0.62, 1.2, 0.62, 0.42) * rows, hspace=0.0, left=0.045, right=0.985,
        top=1 - 0.98 / height, bottom=0.3 / height,
    )  # fmt: skip
    pictures = [(spectrogram(scene.box), _shades(PROMPT)), (spectrogram(scene.customer), _shades(KEY))]
    font = _font(scene.prompts)
    for row in range(rows):
        words, box, customer, keys = (figure.add_subplot(grid[row * 4 + part]) for part in range(4))
        begin = row * ROW_SECONDS
        for axes, (levels, colours) in zip((box, customer), pictures, strict=True):
            _draw_spectrum(axes, levels, colours, scene.seconds)
        box.set_ylabel("box", fontsize=8, color=PROMPT)
        customer.set_ylabel("customer", fontsize=7, color=KEY)
        _draw_prompts(words, scene.prompts, begin, font)
        _draw_keys(keys, scene.keys, begin, scene.seconds)
        for axes in (words, box, customer, keys):
            axes.set_xlim(begin, begin + ROW_SECONDS)
    figure.savefig(path, facecolor=PAPER)


def _draw_prompts(axes: Any, prompts: Sequence[Said], begin: float, font: list[str]) -> None:
    """Each prompt a bar as long as it sounded, its words in it; one that goes over the edge goes on in the next row."""
    axes.set_ylim(0, 1)
    axes.axis("off")
    for said in prompts:
        left, right = max(said.begin, begin), min(said.end, begin + ROW_SECONDS)
        if right - left <= 0.02:
            continue
        axes.barh(0.46, right - left - 0.03, left=left, height=0.78, color=PROMPT, linewidth=0)
        fits = int((right - left - 0.1) * (LATIN_PER_SECOND if said.text.isascii() else 2 * CJK_PER_SECOND))
        text = said.text if said.begin >= begin else f"… {said.text}"
        label = _wrapped(text + (" ✂" if said.cut and right == said.end else ""), fits)
        axes.text(
            left + 0.06, 0.45, label, fontsize=8, color="white", va="center", fontfamily=font, linespacing=1.05,
            clip_on=True,
        )  # fmt: skip


def _draw_keys(axes: Any, keys: Sequence[tuple[float, str]], begin: float, seconds: float) -> None:
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.set_facecolor("none")
    for name in ("top", "left", "right", "bottom"):
        axes.spines[name].set_visible(False)
    axes.tick_params(length=0, labelsize=8, colors=FAINT, pad=-9)
    ticks = [second for second in np.arange(begin, begin + ROW_SECONDS, 2.0) if second <= seconds]
    axes.set_xticks(ticks, [f"{second:.0f} s" for second in ticks], ha="left")
    for at, key in keys:
        if begin <= at < begin + ROW_SECONDS:
            axes.text(
                at, 0.92, key, fontsize=9, fontweight="bold", color="white", ha="center", va="top",
                bbox={"boxstyle": "round,pad=0.25", "facecolor": KEY, "edgecolor": PAPER, "linewidth": 0.8},
            )  # fmt: skip


def _draw_spectrum(axes: Any, levels: npt.NDArray[np.float32], colours: Any, seconds: float) -> None:
    axes.imshow(
        levels, origin="lower", aspect="auto", extent=(0, seconds, 0, RATE / 2000), cmap=colours, vmin=FLOOR_DB,
        vmax=TOP_DB, interpolation="bilinear",
    )  # fmt: skip
    axes.set_ylim(0.1, 3.6)
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_color("#d9dde2")


def spectrogram(sound: Samples) -> npt.NDArray[np.float32]:
    """Levels in dB below a full-scale sine, shape (frequencies, times); 8 ms a column, Hann windows of 64 ms."""
    if len(sound) < WINDOW:
        sound = np.concatenate([sound, np.zeros(WINDOW - len(sound), np.int16)])
    frames = np.lib.stride_tricks.sliding_window_view(sound.astype(np.float32) / 32768, WINDOW)[::STEP]
    window = np.hanning(WINDOW).astype(np.float32)
    magnitude = np.abs(np.fft.rfft(frames * window, axis=1)) / (float(window.sum()) / 2)
    return (20 * np.log10(np.maximum(magnitude, 1e-6))).T.astype(np.float32)


def _wrapped(text: str, fits: int) -> str:
    """In two lines of so many narrow characters at most; "" where not even a few fit."""
    if fits < 4:
        return ""
    if all(_width(character) == 1 for character in text):
        lines = textwrap.wrap(text, fits) or [""]
    else:
        lines, wide = [""], 0
        for character in text:
            wide += _width(character)
            if wide > fits and character not in "。、":
                lines.append("")
                wide = _width(character)
            lines[-1] += character
    if len(lines) > 2:
        lines[1] = lines[1][:-1] + "…"
    return "\n".join(lines[:2])


def _width(character: str) -> int:
    return 2 if ord(character) > 0x2E80 else 1


def _shades(colour: str) -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(colour, [PAPER, PAPER, colour, INK])


def _font(prompts: Sequence[Said]) -> list[str]:
    from matplotlib import font_manager

    if all(_width(character) == 1 for said in prompts for character in said.text):
        return ["DejaVu Sans"]
    known = {font.name for font in font_manager.fontManager.ttflist}
    return [*[name for name in CJK_FONTS if name in known][:1], "DejaVu Sans"]


def can_write_japanese() -> bool:
    """Whether a font for it is installed; false without matplotlib too."""
    try:
        from matplotlib import font_manager
    except ImportError:
        return False
    return any(font.name in CJK_FONTS for font in font_manager.fontManager.ttflist)
