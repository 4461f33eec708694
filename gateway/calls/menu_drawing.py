"""A menu as a picture: cards from left to right, each with the words said and the ways out of it.

Every node is drawn once, where the shortest way from the start reaches it; a way to a node that is drawn elsewhere is
a written pointer ("↩ main") in its row instead of a line across the picture. The picture is made of a few kinds of
shapes, which ``to_svg`` and ``to_png`` render.
"""

import textwrap
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from gateway.audio.prompts import PromptLibrary
from gateway.calls.menu_nodes import Choice, HearOrder, Menu, Node, RecordMessage, TakeOrder, Way, phrase, ways
from gateway.errors import MenuError

CARD_WIDTH, COLUMN_GAP, CARD_GAP, EDGE = 290.0, 84.0, 26.0, 36.0
HEAD, LINE, ROW, PADDING = 30.0, 18.0, 26.0, 14.0
TITLE_SPACE = 58.0
MOST_LINES = 5

INK, FAINT, PAPER, CARD, RULE = "#1f2933", "#7b8794", "#f4f5f7", "#ffffff", "#e4e7eb"
LOOKS = {
    # kind: (its colour, what it is called on the card)
    "check": ("#0e7c86", "greeting"),
    "choice": ("#2563eb", "choice"),
    "say": ("#64748b", "announcement"),
    "order": ("#15803d", "order"),
    "hear": ("#7c3aed", "hear order"),
    "record": ("#c2410c", "recording"),
    "connect": ("#be185d", "person"),
    "end": ("#334155", "hang up"),
}
WAY_WORDS = {
    # (kind, or "" for all others, name of the way): words in its row
    ("", "next"): "then",
    ("", "back"): "cancelled",
    ("", "machine"): "no key: a machine",
    ("", "otherwise"): "no key, or none that fits",
    ("check", "next"): "any key",
    ("order", "next"): "order placed",
    ("order", "otherwise"): "not placed",
    ("connect", "otherwise"): "nobody free",
}
PNG_POINTS = 0.65
"""Points to a pixel of the layout: 72 / 100, less because matplotlib's own font runs wide."""
FONTS = ("IPAGothic", "IPAexGothic", "Noto Sans CJK JP", "Noto Sans JP", "TakaoGothic", "VL Gothic", "Hiragino Sans")
"""Fonts with Japanese letters, looked for in this order."""


@dataclass(frozen=True)
class Box:
    """A rectangle with round corners."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    round: float = 0.0
    edge: str = "none"


@dataclass(frozen=True)
class Words:
    """One line of text; ``x`` is its left end, middle or right end."""

    x: float
    baseline: float
    text: str
    size: float = 12.5
    colour: str = INK
    bold: bool = False
    anchor: str = "start"


@dataclass(frozen=True)
class Arrow:
    """A swung line from left to right, with a head."""

    x1: float
    y1: float
    x2: float
    y2: float
    colour: str
    dashed: bool


Shape = Box | Words | Arrow


@dataclass(frozen=True)
class Drawing:
    """Shapes, back to front, on paper of this size in pixels."""

    width: float
    height: float
    shapes: tuple[Shape, ...]


@dataclass
class _Placed:
    name: str
    node: Node
    depth: int
    lines: list[str]
    ways: tuple[Way, ...]
    children: list["_Placed"]
    y: float = 0.0

    @property
    def x(self) -> float:
        return EDGE + self.depth * (CARD_WIDTH + COLUMN_GAP)

    @property
    def rows_from(self) -> float:
        return HEAD + (2 * PADDING * 0.6 + LINE * len(self.lines) if self.lines else 0.0)

    @property
    def height(self) -> float:
        return self.rows_from + (ROW * len(self.ways) + 8 if self.ways else 0.0)

    def way_y(self, index: int) -> float:
        return self.y + self.rows_from + 4 + ROW * (index + 0.5)


def draw_menu(menu: Menu, library: PromptLibrary, title: str) -> Drawing:
    """Lay the menu out. ``library`` gives the words of its clips."""
    placed = _tree(menu, library)
    bottoms: dict[int, float] = {}
    _stack(placed[menu.start], bottoms)
    height = max(bottoms.values()) - CARD_GAP + EDGE
    width = EDGE + max(card.x for card in placed.values()) + CARD_WIDTH
    shapes: list[Shape] = [
        Box(0, 0, width, height, PAPER),
        Words(EDGE, 44, title, 21, bold=True),
        Words(
            width - EDGE,
            44,
            f"{len(menu.nodes)} nodes, {len(menu.catalogue.entries)} articles",
            13,
            FAINT,
            anchor="end",
        ),
    ]
    for card in placed.values():
        shapes += _arrows(card)
    for card in placed.values():
        shapes += _card(card)
    return Drawing(width, height, tuple(shapes))


def _tree(menu: Menu, library: PromptLibrary) -> dict[str, _Placed]:
    """Each node under the one from which the shortest way leads to it."""
    placed: dict[str, _Placed] = {}

    def place(name: str, depth: int) -> _Placed:
        node = menu.nodes[name]
        placed[name] = _Placed(name, node, depth, _wrapped(_said(node, library)), ways(node), [])
        return placed[name]

    ahead = [place(menu.start, 0)]
    for card in ahead:
        for way in card.ways:
            if way.to not in placed:
                card.children.append(place(way.to, card.depth + 1))
        ahead += card.children
    return placed


def _said(node: Node, library: PromptLibrary) -> str:
    match node:
        case TakeOrder():
            return "Article number #, quantity #, read-back.\n1 place it, 2 correct it, 3 add another, * cancel"
        case HearOrder():
            return "The order placed on this call, and its number."
        case _:
            words = library.words(phrase(node.say))
            return (
                f"{words}\n● {node.subject}, up to {node.max_seconds:g} s" if isinstance(node, RecordMessage) else words
            )


def _stack(card: _Placed, bottoms: dict[int, float], top: float = TITLE_SPACE + EDGE / 2) -> None:
    """Put a card, and all that follow it, as high as its column allows, never above the card that leads to it."""
    card.y = max(top, bottoms.get(card.depth, top))
    bottoms[card.depth] = card.y + card.height + CARD_GAP
    for child in card.children:
        _stack(child, bottoms, card.y)


def _arrows(card: _Placed) -> Iterator[Arrow]:
    targets = {child.name: child for child in card.children}
    for index, way in enumerate(card.ways):
        if child := targets.pop(way.to, None):
            by_default = way.by in ("machine", "otherwise")
            colour = FAINT if by_default else LOOKS[_kind(card.node)][0]
            y = card.way_y(index)
            yield Arrow(card.x + CARD_WIDTH, y, child.x - 2, child.y + HEAD / 2, colour, by_default)


def _card(card: _Placed) -> Iterator[Shape]:
    colour, called = LOOKS[_kind(card.node)]
    x, y = card.x, card.y
    yield Box(x + 1.5, y + 3, CARD_WIDTH, card.height, "#d9dde3", 9)
    yield Box(x, y, CARD_WIDTH, card.height, CARD, 9, RULE)
    yield Box(x, y, CARD_WIDTH, HEAD, colour, 9)
    if card.height > HEAD:
        yield Box(x, y + HEAD - 10, CARD_WIDTH, 10, colour)
    yield Words(x + PADDING, y + 20.5, card.name, 14, CARD, bold=True)
    yield Words(x + CARD_WIDTH - PADDING, y + 20, called, 11.5, CARD, anchor="end")
    for index, line in enumerate(card.lines):
        yield Words(x + PADDING, y + HEAD + PADDING * 0.6 + LINE * (index + 0.75), line)
    if card.ways and card.lines:
        yield Box(x + PADDING, y + card.rows_from, CARD_WIDTH - 2 * PADDING, 1, RULE)
    drawn = {child.name for child in card.children}
    for index, way in enumerate(card.ways):
        here = way.to in drawn
        drawn.discard(way.to)
        yield from _row(card, way, card.way_y(index), colour, here)


def _row(card: _Placed, way: Way, middle: float, colour: str, drawn_beside: bool) -> Iterator[Shape]:
    x = card.x + PADDING
    if not isinstance(card.node, Choice) or way.silent:
        yield Words(x, middle + 4, WAY_WORDS.get((_kind(card.node), way.by)) or WAY_WORDS["", way.by], 12, FAINT)
    else:
        yield Box(x, middle - 10, 20, 20, colour, 5)
        yield Words(x + 10, middle + 4.5, way.by, 12.5, CARD, bold=True, anchor="middle")
    pointer = way.to if drawn_beside else f"↩ {way.to}"
    yield Words(x + CARD_WIDTH - 2 * PADDING, middle + 4, pointer, 12, INK if drawn_beside else FAINT, anchor="end")


def _kind(node: Node) -> str:
    return str(node.__struct_config__.tag)


def _wrapped(text: str) -> list[str]:
    """Lines that fit into a card; Japanese breaks anywhere but before 、 and 。."""
    room = round((CARD_WIDTH - 2 * PADDING) / (12.5 * 0.5))  # in half-width letters
    lines: list[str] = []
    for paragraph in text.split("\n"):
        wide = any(_width(letter) == 2 for letter in paragraph)
        lines += _wrapped_japanese(paragraph, room) if wide else textwrap.wrap(paragraph, round(room * 0.98))
    return lines if len(lines) <= MOST_LINES else [*lines[: MOST_LINES - 1], lines[MOST_LINES - 1][:-1] + "…"]


def _wrapped_japanese(text: str, room: int) -> list[str]:
    lines = [""]
    for letter in text:
        if sum(map(_width, lines[-1])) + _width(letter) > room and letter not in "、。":
            lines.append("")
        lines[-1] += letter
    return lines


def _width(letter: str) -> int:
    return 2 if unicodedata.east_asian_width(letter) in "WFA" else 1


def to_svg(drawing: Drawing) -> str:
    """The drawing as an SVG document."""
    family = ", ".join(f"'{font}'" for font in ("Helvetica Neue", "Arial", *FONTS)) + ", sans-serif"
    size = f'width="{drawing.width:g}" height="{drawing.height:g}" viewBox="0 0 {drawing.width:g} {drawing.height:g}"'
    body = "\n".join(_svg(shape) for shape in drawing.shapes)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{family}">\n{body}\n</svg>\n'


def _svg(shape: Shape) -> str:
    match shape:
        case Box():
            return (
                f'<rect x="{shape.x:g}" y="{shape.y:g}" width="{shape.width:g}" height="{shape.height:g}" '
                f'rx="{shape.round:g}" fill="{shape.fill}" stroke="{shape.edge}"/>'
            )
        case Words():
            weight = ' font-weight="bold"' if shape.bold else ""
            return (
                f'<text x="{shape.x:g}" y="{shape.baseline:g}" font-size="{shape.size:g}" fill="{shape.colour}" '
                f'text-anchor="{shape.anchor}"{weight}>{escape(shape.text)}</text>'
            )
        case Arrow(x1, y1, x2, y2, colour, dashed):
            bend, dash = (x2 - x1) / 2, ' stroke-dasharray="5 4"' if dashed else ""
            return (
                f'<path d="M{x1:g} {y1:g} C{x1 + bend:g} {y1:g} {x2 - bend:g} {y2:g} {x2 - 7:g} {y2:g}" fill="none" '
                f'stroke="{colour}" stroke-width="1.8"{dash}/>'
                f'<path d="M{x2 - 9:g} {y2 - 5:g} L{x2:g} {y2:g} L{x2 - 9:g} {y2 + 5:g} Z" fill="{colour}"/>'
            )


def to_png(drawing: Drawing, path: Path) -> None:
    """Write the drawing as PNG, two dots to a pixel of the layout. Needs matplotlib, and a font for its letters.

    Raises ``MenuError`` where one of the two is missing.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise MenuError(
            f"{path}: PNG needs matplotlib; install the extra gateway[pictures], or write an .svg"
        ) from None
    figure = Figure(figsize=(drawing.width / 100, drawing.height / 100), dpi=200)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, drawing.width)
    axes.set_ylim(drawing.height, 0)
    families = _fonts(drawing, path)
    for layer, shape in enumerate(drawing.shapes):
        _paint(axes, shape, layer, families)
    figure.savefig(path)


def _fonts(drawing: Drawing, path: Path) -> list[str]:
    """Font families to take letters from, in order."""
    from matplotlib import font_manager

    known = set(font_manager.get_font_names())
    japanese = [font for font in FONTS if font in known]
    text = "".join(shape.text for shape in drawing.shapes if isinstance(shape, Words))
    if not japanese and any(unicodedata.east_asian_width(letter) in "WF" for letter in text):
        raise MenuError(f"{path}: no Japanese font found; apt-get install fonts-ipafont-gothic, or write an .svg")
    return ["DejaVu Sans", *japanese]


def _paint(axes: Any, shape: Shape, layer: int, families: list[str]) -> None:
    from matplotlib.patches import FancyBboxPatch, PathPatch
    from matplotlib.path import Path as Outline

    add: Callable[..., Any] = axes.add_patch
    match shape:
        case Box():
            style = f"round,pad=0,rounding_size={shape.round}" if shape.round else "square,pad=0"
            add(
                FancyBboxPatch(
                    (shape.x, shape.y),
                    shape.width,
                    shape.height,
                    boxstyle=style,
                    fc=shape.fill,
                    ec=shape.edge,
                    zorder=layer,
                )
            )
        case Words(x, baseline, text, size, colour, bold, anchor):
            align = {"start": "left", "middle": "center", "end": "right"}[anchor]
            fonts = {"family": families[:1], "weight": "bold"} if bold and text.isascii() else {"family": families}
            axes.text(x, baseline, text, size=size * PNG_POINTS, color=colour, ha=align, zorder=layer, **fonts)
        case Arrow(x1, y1, x2, y2, colour, dashed):
            bend = (x2 - x1) / 2
            points = [(x1, y1), (x1 + bend, y1), (x2 - bend, y2), (x2 - 7, y2)]
            curve = Outline(points, [Outline.MOVETO, Outline.CURVE4, Outline.CURVE4, Outline.CURVE4])
            add(PathPatch(curve, fc="none", ec=colour, lw=1.3, ls=(0, (3, 2)) if dashed else "-", zorder=layer))
            head = Outline([(x2 - 9, y2 - 5), (x2, y2), (x2 - 9, y2 + 5), (x2 - 9, y2 - 5)])
            add(PathPatch(head, fc=colour, ec="none", zorder=layer))
