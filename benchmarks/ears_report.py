"""The tables and the picture in docs/ears.md, from what was measured."""

from pathlib import Path

import numpy as np
from ears_cases import Case
from ears_score import MUST_HEAR, Score
from ears_sounds import RATE
from ears_tones import HUNG_UP, Verdict
from rich.table import Table

DOCS = Path(__file__).parent.parent / "docs"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
Scores = dict[str, dict[str, Score]]
"""By decoder, by group."""
Rows = list[list[str]]


def keys_table(scores: Scores) -> Rows:
    """A row for each thing that is counted, a column for each decoder."""
    groups = list(next(iter(scores.values())))
    rows = [["", *scores]]
    for group in groups:
        score = scores[next(iter(scores))][group]
        if group in ("standard", "impaired"):
            rows.append([f"{group}: wrong, % of {score.keys:,} keys"])
            rows[-1] += [f"{each[group].error_rate:.2f}" for each in scores.values()]
        elif group in MUST_HEAR:
            rows.append([f"{group}: exact, % of {score.cases}"])
            rows[-1] += [f"{each[group].exactly:.1f}" for each in scores.values()]
        elif group == "reject":
            rows.append([f"must not be heard: accepted of {score.keys}"])
            rows[-1] += [str(each[group].false) for each in scores.values()]
        else:
            rows.append([f"{group}: false keys an hour ({score.seconds / 60:.0f} min)"])
            rows[-1] += [f"{each[group].false_an_hour:.1f}" for each in scores.values()]
    rows.append(["onset to report, median / 95 %, ms"])
    for each in scores.values():
        median, most = each["order"].delay
        rows[-1].append("–" if np.isnan(median) else f"{median:.0f} / {most:.0f}")
    return rows


def speed_table(speeds: dict[str, float]) -> Rows:
    """Times real time."""
    return [["decoder, one core", "× real time"], *([name, f"{speed:,.0f}"] for name, speed in speeds.items())]


def tones_table(verdicts: list[Verdict], hang_ups: dict[str, float], false: int, minutes: float) -> Rows:
    """A row for each tone of each country, then what is counted over all."""
    rows = [["tone", "named in time", "slowest, s (limit)", "also named otherwise", "a voice beneath"]]
    for verdict in verdicts:
        row = verdict.row
        limit = f"{verdict.slowest:.2f} ({row.limit:.1f})"
        beneath = f"{verdict.beneath} of {verdict.beneath_tried}" if verdict.beneath_tried else ""
        counted = f"{verdict.named} of {verdict.tried}"
        rows.append([f"{row.country} {row.name}", counted, limit, str(verdict.wrong), beneath])
    for country, delay in hang_ups.items():
        rows.append([f"{country} hung up, busy tone", "", f"{delay:.2f} ({HUNG_UP})", "", ""])
    rows.append([f"in {minutes:.0f} min of talk", "", "", str(false), ""])
    return rows


def on_screen(rows: Rows, title: str) -> Table:
    """For the terminal."""
    table = Table(*rows[0], title=title)
    for row in rows[1:]:
        table.add_row(*row)
    return table


def markdown(rows: Rows) -> str:
    """For the page."""
    head, *body = rows
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *body])


def write_page(tables: list[tuple[str, Rows]], note: str, name: str = "ears.md") -> None:
    """Put the tables between the marks in a page of docs/."""
    page = DOCS / name
    text = page.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    measured = "\n\n".join([note, *(f"### {title}\n\n{markdown(rows)}" for title, rows in tables)])
    page.write_text(f"{head}{BEGIN}\n{measured}\n{END}{rest.split(END)[1]}", encoding="utf-8")


NAMES = -1.0
"""Where in the picture, in seconds, there is room for the decoders' names."""


def draw(scores: Scores, case: Case, heard: dict[str, list[tuple[float, str]]], path: Path) -> None:
    """The picture: a hard order with what each decoder made of it, and the decoders side by side."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure = plt.figure(figsize=(12, 7.5), layout="constrained")
    grid = figure.add_gridspec(2, 3, height_ratios=(1.3, 1))
    top = figure.add_subplot(grid[0, :])
    top.specgram(case.sound.astype(float) + 1e-3, NFFT=256, noverlap=192, Fs=RATE, vmin=-30, vmax=45, cmap="magma")
    top.set(
        xlim=(NAMES, case.seconds),
        ylim=(0, 2400),
        xlabel="seconds",
        ylabel="Hz",
        title=f"A hard order ({case.name}): keys under a prompt's echo",
        facecolor="black",
    )
    for line, (name, keys) in enumerate({"pressed": list(zip(case.onsets, case.keys, strict=True)), **heard}.items()):
        height = 2280 - 130 * line
        top.text(NAMES + 0.05, height, name, color="white", fontsize=9, va="center")
        for at, key in keys:
            if at == at:
                top.text(at, height, key, color="#7CFC00" if line == 0 else "white", fontsize=11, va="center")
    colours = plt.get_cmap("tab10").colors
    panels = (
        (
            "order strings exact, %",
            {name: each["hard order"].exactly for name, each in scores.items() if "hard order" in each},
        ),
        ("keys wrong, standard set, %", {name: each["standard"].error_rate for name, each in scores.items()}),
        ("false keys an hour, music", {name: each["music"].false_an_hour for name, each in scores.items()}),
    )
    for number, (title, bars) in enumerate(panels):
        panel = figure.add_subplot(grid[1, number])
        drawn = panel.bar(range(len(bars)), list(bars.values()), color=colours[: len(bars)])
        panel.bar_label(drawn, fmt="%.3g")
        panel.set_title(title if number else "hard " + title)
        panel.set_xticks(range(len(bars)), [name.replace(", ", ",\n") for name in bars], fontsize=8)
        panel.margins(y=0.15)
    figure.savefig(path, dpi=90)
    plt.close(figure)
