"""The month's savings as a picture that an owner would put on a wall."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway.calls.money import to_coin
from gateway.calls.savings import Report, Sums, whole_minutes
from gateway.errors import GatewayError

PAPER, INK, FAINT, LINE = "#fbfaf6", "#1d2733", "#8b8f94", "#e3e0d8"
GAIN, DEEP, LOSS = "#2f8f6b", "#1f6b50", "#c4553b"
SYMBOLS = {"JPY": "¥", "USD": "$", "EUR": "€", "GBP": "£"}
KINDS = {
    "mobile": "mobile",
    "fixed_line": "fixed",
    "fixed_line_or_mobile": "fixed or mobile",
    "voip": "IP telephone",
    "personal_number": "personal number",
}
MOST_COUNTRIES = 5


def draw(path: Path, made: Report) -> None:
    """Write the PNG. Raises ``GatewayError`` without matplotlib."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise GatewayError(f"{path}: a PNG needs matplotlib; install the extra gateway[pictures]") from None
    figure = Figure(figsize=(13, 8), dpi=150, facecolor=PAPER)
    FigureCanvasAgg(figure)
    _headline(figure, made)
    _days(figure.add_axes((0.06, 0.16, 0.56, 0.465)), made)
    _two_ways(figure.add_axes((0.70, 0.49, 0.25, 0.14)), made)
    _countries(figure.add_axes((0.70, 0.13, 0.25, 0.25)), made)
    _footer(figure, made)
    try:
        figure.savefig(path, facecolor=PAPER)
    except OSError as error:
        raise GatewayError(f"{path}: can't be written: {error.strerror}") from None


def amount(value: Decimal, currency: str) -> str:
    """``¥12,345``, ``−$0.24``; the code where no symbol is usual."""
    coins = to_coin(abs(value), currency)
    sign = "−" if value < 0 and coins else ""
    symbol = SYMBOLS.get(currency)
    return f"{sign}{symbol}{coins:,}" if symbol else f"{sign}{coins:,} {currency}"


def _headline(figure: Any, made: Report) -> None:
    total, month = made.total, date.fromisoformat(f"{made.month}-01")
    won = total.saved >= 0
    figure.text(0.06, 0.925, f"{month:%B %Y}".upper(), fontsize=12, color=FAINT, fontweight="bold", va="center")
    figure.text(
        0.06, 0.83, amount(abs(total.saved), made.currency), fontsize=50, color=DEEP if won else LOSS,
        fontweight="bold", va="center",
    )  # fmt: skip
    said = "saved by calling back" if won else "lost by calling back"
    share = f", {total.saved / total.direct:.0%} of the direct price" if won and total.direct else ""
    figure.text(0.06, 0.735, f"{said}{share}", fontsize=15, color=INK, va="center")
    facts = (
        (f"{total.answered:,}", "calls answered"),
        (f"{whole_minutes(total.seconds):,}", "minutes of talk"),
        (f"{total.failed:,}", "not reached"),
    )
    for place, (figure_text, words) in enumerate(facts):
        x = 0.70 + place * 0.095
        figure.text(x, 0.84, figure_text, fontsize=20, color=INK, fontweight="bold", va="center")
        figure.text(x, 0.795, words, fontsize=9, color=FAINT, va="center")


def _bare(axes: Any) -> None:
    axes.set_facecolor("none")
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0, labelsize=9, colors=FAINT)


def _days(axes: Any, made: Report) -> None:
    """Bars: each day's saving. Above them the sum so far."""
    _bare(axes)
    saved = [float(sums.saved) for sums in made.days.values()]
    days = list(range(1, len(saved) + 1))
    last = max((day for day, sums in zip(days, made.days.values(), strict=True) if sums.diallings), default=0)
    running = [sum(saved[:day]) for day in range(len(saved) + 1)][: last + 1]
    axes.set_title("saved so far, and day by day", loc="left", fontsize=11, color=INK, pad=10)
    axes.bar(days, saved, width=0.62, color=[GAIN if value >= 0 else LOSS for value in saved], zorder=3, alpha=0.95)
    axes.plot(range(last + 1), running, color=DEEP, linewidth=2.4, zorder=4, solid_capstyle="round")
    axes.fill_between(range(last + 1), running, color=GAIN, alpha=0.12, linewidth=0, zorder=2)
    if last:
        axes.plot([last], [running[-1]], "o", color=DEEP, markersize=7, zorder=5)
        axes.annotate(
            amount(Decimal(str(running[-1])), made.currency), (last, running[-1]), (0, 11), color=DEEP,
            textcoords="offset points", fontsize=11, fontweight="bold", ha="right" if last > 20 else "center",
        )  # fmt: skip
    axes.axhline(0, color=INK, linewidth=0.8, zorder=5)
    axes.set_xlim(0, len(saved) + 0.7)
    axes.set_xticks([1, *range(5, len(saved) + 1, 5)])
    low, high = min([0.0, *saved, *running]), max([1.0, *saved, *running])
    axes.set_ylim(low * 1.1, high * 1.14)
    axes.yaxis.grid(True, color=LINE, linewidth=0.8, zorder=0)
    axes.set_axisbelow(True)
    axes.yaxis.set_major_formatter(lambda value, _: amount(Decimal(str(round(value, 4))), made.currency))


def _two_ways(axes: Any, made: Report) -> None:
    """Two bars: what direct calls would have cost, and what it did cost, leg by leg."""
    _bare(axes)
    total = made.total
    widest = float(max(total.direct, total.cost, Decimal(1)))
    axes.set_title("the same talk, both ways", loc="left", fontsize=11, color=INK, pad=10)
    axes.barh([1], [float(total.direct)], height=0.42, color="#c9c5ba")
    left = 0.0
    parts = (
        (total.overseas, DEEP, "overseas leg"),
        (total.guidance, "#5aa98a", "first leg"),
        (total.share + total.data, "#a9d1c0", "dedicated line, data"),
    )
    for place, (part, colour, words) in enumerate(part for part in parts if part[0]):
        axes.barh([0], [float(part)], left=left, height=0.42, color=colour)
        left += float(part)
        axes.plot([widest * (0.012 + place * 0.29)], [-0.55], "s", color=colour, markersize=6, clip_on=False)
        axes.text(widest * (0.04 + place * 0.29), -0.55, words, fontsize=8, color=FAINT, va="center")
    for row, words, value in ((1, "called directly", total.direct), (0, "called back", total.cost)):
        axes.text(0, row + 0.30, words, fontsize=9, color=FAINT, va="bottom")
        axes.text(
            widest, row + 0.30, amount(value, made.currency), fontsize=10, color=INK, ha="right", va="bottom",
            fontweight="bold",
        )  # fmt: skip
    axes.set_xlim(0, widest)
    axes.set_ylim(-0.75, 1.75)
    axes.set_xticks([])
    axes.set_yticks([])


def _countries(axes: Any, made: Report) -> None:
    _bare(axes)
    axes.set_title("by country and kind of number", loc="left", fontsize=11, color=INK, pad=10)
    rows = list(made.countries.items())
    if len(rows) > MOST_COUNTRIES:
        rows = [*rows[: MOST_COUNTRIES - 1], (("others", ""), _added(sums for _, sums in rows[MOST_COUNTRIES - 1 :]))]
    values = [float(sums.saved) for _, sums in rows]
    widest = max([1.0, *map(abs, values)])
    for row, ((region, kind), sums) in enumerate(rows):
        value = values[row]
        axes.barh([-row], [abs(value)], height=0.30, color=GAIN if value >= 0 else LOSS)
        name = " ".join(part for part in (region or "unknown", KINDS.get(kind, kind.replace("_", " "))) if part)
        axes.text(0, -row + 0.22, f"{name} · {sums.answered} calls", fontsize=9, color=FAINT, va="bottom")
        axes.text(
            widest, -row + 0.22, amount(sums.saved, made.currency), fontsize=10, color=INK, ha="right", va="bottom",
            fontweight="bold",
        )  # fmt: skip
    axes.set_xlim(0, widest)
    axes.set_ylim(-max(len(rows) - 1, 3) - 0.3, 0.75)
    axes.set_xticks([])
    axes.set_yticks([])


def _added(several: Any) -> Sums:
    whole = Sums()
    for sums in several:
        for name in vars(whole):
            setattr(whole, name, getattr(whole, name) + getattr(sums, name))
    return whole


def _footer(figure: Any, made: Report) -> None:
    total = made.total
    notes = [*made.exchange[:3]]
    if len(made.exchange) > 3:
        notes.append(f"and {len(made.exchange) - 3} more exchange rates")
    if total.dearer:
        notes.append(f"{total.dearer} calls cost more than a direct one")
    if total.short:
        notes.append(f"{total.short} were over in 10 s")
    if total.unpriced:
        notes.append(f"{total.unpriced} without a price are left out")
    figure.text(0.06, 0.055, "   ·   ".join(notes), fontsize=9, color=FAINT, va="center")
