"""Call-progress tones, talk, hanging up, echo and what listening costs, measured with fresh seeds.

    make bench-tones           (espeak-ng for the voices)

Prints the tables and writes docs/tones.md between its marks. Another --seed is another set of the same kind.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # two processes measure side by side

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor

import ears_answers
import ears_echo
import ears_report
import numpy as np
from ears_echo import CODINGS, GAINS, Cancelling
from ears_report import Rows
from ears_sounds import RATE, Sound, noise, power, rounded
from ears_talk import anyone
from ears_tones import ANSWERS, BUSY, FRAME, HUNG_UP, PROGRESS, ROWS, Verdict, events, hang_up_delay, named, tone
from rich.console import Console

from gateway.audio.echo import EchoCanceller
from gateway.audio.tones import ToneListener

PIECES = 36
PIECE = 300.0
"""Seconds of talk in each: 3 h."""
COUNTRIES = ("JP", "US", "GB", "DE", "FR", "IN", "CN", "ES")
HOPS = 500
"""Frames of 20 ms on which the cost is measured, ..."""
ROUNDS = 15
"""... so often; the best counts."""


def false_names(seed: int, piece: int) -> tuple[float, int]:
    """Seconds of talk, and how many tones were named in it."""
    random = np.random.default_rng([seed, 1, piece])
    heard, false = 0.0, 0
    while heard < PIECE:
        sound = anyone(random)
        heard += len(sound) / RATE
        told = events(sound, COUNTRIES[piece % len(COUNTRIES)])
        false += sum(event.name in PROGRESS for event in told)
    return heard, false


def one_row(seed: int, number: int) -> Verdict:
    """A row of the table."""
    return named(np.random.default_rng([seed, 2, number]), (*ROWS, *ANSWERS)[number])


def one_hang_up(seed: int, number: int) -> float:
    """Seconds, of one kind of busy tone."""
    return hang_up_delay(np.random.default_rng([seed, 3, number]), BUSY[number])


def one_echo(seed: int, number: int) -> Cancelling:
    """A coding and a loudness of the echo."""
    coding, gain = list(CODINGS)[number // len(GAINS)], GAINS[number % len(GAINS)]
    return ears_echo.judge(np.random.default_rng([seed, 4, number]), coding, gain)


def answers_table(answers: ears_answers.Answers) -> Rows:
    """A row for each kind of answer."""
    counts = {
        "a person says hello": answers.people,
        "a person says hello, and again": answers.twice,
        "a machine, with a beep": answers.with_beep,
        "... the end of the beep known in 0.5 s": answers.beeps,
        "a machine, without a beep": answers.without_beep,
        "nobody: busy or congestion": answers.nobody,
    }
    return [["who answers", "known"], *([kind, f"{count} of {ears_answers.TRIES}"] for kind, count in counts.items())]


def one_answers(seed: int) -> ears_answers.Answers:
    """All kinds."""
    return ears_answers.judge(np.random.default_rng([seed, 5]))


def echo_table(verdicts: list[Cancelling]) -> Rows:
    """A row for each coding and loudness."""
    rows = [
        [
            "coding, echo",
            "less by, dB (least)",
            "left, dBm0",
            "10 dB less after, s (most)",
            "keys heard",
            "without",
            "false",
        ]
    ]
    for number, verdict in enumerate(verdicts):
        rows.append(
            [
                f"{list(CODINGS)[number // len(GAINS)]}, {GAINS[number % len(GAINS)]:.0f} dB",
                f"{np.median(verdict.lessened):.0f} ({min(verdict.lessened):.0f})",
                f"{max(verdict.left):.0f}",
                f"{np.median(verdict.found):.1f} ({max(verdict.found):.1f})",
                f"{verdict.heard} of {verdict.keys}",
                str(verdict.bare),
                str(verdict.false),
            ]
        )
    return rows


def cost_table(random: np.random.Generator) -> Rows:
    """Microseconds of one core for each 20 ms of a line."""
    talk = ears_echo.prompt("ja", HOPS * FRAME / RATE)
    hiss = noise(random, len(talk), power(-62))
    busy = tone(ROWS[2], len(talk) / RATE)
    echo = ears_echo.two_wire(random, talk, -12, 0.02)
    rows = [["one line, 20 ms at a time", "µs", "% of this core"]]
    for name, sound in (("tones: talk", talk), ("tones: busy tone", busy), ("tones: a quiet line", hiss)):
        rows.append([name, *_cost(lambda heard, _: ToneListener().feed, sound, sound)])
    rows.append(["echo: a prompt plays", *_cost(_canceller, echo, talk)])
    rows.append(["echo: nothing plays", *_cost(_canceller, hiss, np.zeros(len(talk)))])
    return rows


def _canceller(heard: Sound, played: Sound) -> object:
    canceller, at = EchoCanceller(), iter(range(0, len(heard), FRAME))
    return lambda frame: canceller.process(frame, played[(now := next(at)) : now + FRAME])


def _cost(listener: object, heard: Sound, played: Sound) -> list[str]:
    heard, played = rounded(heard), rounded(played)
    best = float("inf")
    for _ in range(ROUNDS):
        listen = listener(heard, played)
        start = time.process_time()
        for at in range(0, len(heard), FRAME):
            listen(heard[at : at + FRAME])
        best = min(best, time.process_time() - start)
    micro = best / (len(heard) / FRAME) * 1e6
    return [f"{micro:.0f}", f"{micro / 200:.2f}"]


def main() -> None:
    """Measure, print, write down; exit code 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="another set")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="a tenth of the talk; docs/tones.md stays as it is")
    options = parser.parse_args()
    cost = cost_table(np.random.default_rng(options.seed))
    with ProcessPoolExecutor(options.processes) as pool:
        seeds = [options.seed] * 100
        rows = pool.map(one_row, seeds, range(len(ROWS) + len(ANSWERS)))
        gone = pool.map(one_hang_up, seeds, range(len(BUSY)))
        echoes = pool.map(one_echo, seeds, range(len(CODINGS) * len(GAINS)))
        answers = pool.submit(one_answers, options.seed)
        talk = pool.map(false_names, seeds, range(PIECES // 10 if options.quick else PIECES))
        verdicts, delays = list(rows), dict(zip(map(str, BUSY), gone, strict=True))
        cancelled, pieces = list(echoes), list(talk)
    minutes, false = sum(seconds for seconds, _ in pieces) / 60, sum(count for _, count in pieces)
    tables = [
        ("Tones", ears_report.tones_table(verdicts, delays, false, minutes)),
        ("Who answers", answers_table(answers.result())),
        ("Echo of our own prompts on two wires", echo_table(cancelled)),
        ("What it costs", cost),
    ]
    console = Console() if sys.stdout.isatty() else Console(width=140)
    for title, table in tables:
        console.print(ears_report.on_screen(table, title))
    wanted = [
        ("every tone named in two periods", all(verdict.named == verdict.tried for verdict in verdicts)),
        ("no tone named otherwise", not any(verdict.wrong for verdict in verdicts)),
        (f"hung up known within {HUNG_UP} s", max(delays.values()) <= HUNG_UP),
        ("no tone in talk", not false),
    ]
    missed = [goal for goal, kept in wanted if not kept]
    for goal in missed:
        console.print(f"[red]MISSED[/] {goal}")
    if not options.quick:
        ears_report.write_page(tables, f"Seed {options.seed}, both cores shared with other work.", "tones.md")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
