"""The report of a proof, to be kept or sent to support: one HTML page without anything from elsewhere, and JSON."""

import html
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from gateway.cli.line_choice import NOBODY
from gateway.cli.proof import Proof
from gateway.errors import GatewayError
from gateway.numbers import PhoneNumber
from gateway.settings import LineSettings

_DIGITS = re.compile(r"\d{7,}")
KEPT = 4
"""Last digits of a number that are shown."""

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.verdict { font-size: 1.2rem; font-weight: 600; padding: .6rem 1rem; border-radius: .4rem; margin: 1rem 0; }
.verdict.passed { background: #1a7f3722; border-left: .4rem solid #1a7f37; }
.verdict.failed { background: #cf222e22; border-left: .4rem solid #cf222e; }
.verdict .remedy { font-size: 1rem; font-weight: 400; display: block; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; } dt { opacity: .7; } dd { margin: 0; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 500; opacity: .7; }
td, th { padding: .35rem .6rem; vertical-align: top; border-bottom: 1px solid #8884; }
.time { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.status { white-space: nowrap; font-weight: 600; } .passed td.status { color: #1a7f37; }
.failed td.status { color: #cf222e; } .failed { background: #cf222e11; } .skipped, .not-run { opacity: .55; }
.remedy { display: block; } .finding { display: block; opacity: .8; }
pre { font: 12px/1.45 ui-monospace, monospace; overflow-x: auto; background: #8881; padding: .8rem; }
"""
SIGNS = {"passed": "✓ passed", "failed": "✗ failed", "skipped": "not for this kind of line", "not run": "not run"}


@dataclass(frozen=True)
class Report:
    """What is told. ``traces``: the AT trace of each line, by its name. Numbers are masked unless ``unmask``."""

    proof: Proof
    line: LineSettings
    made: datetime
    traces: Mapping[str, str]
    unmask: bool = False

    @property
    def name(self) -> str:
        """Of its files, without suffix."""
        return f"prove-{self.line.name}-{self.made:%Y%m%d-%H%M%S}"

    def facts(self) -> dict[str, str]:
        """The line, in words."""
        known = self.line.number != NOBODY
        number = (self.line.number if self.unmask else str(PhoneNumber(self.line.number))) if known else "not known"
        return {
            "line": self.line.name,
            "port": self.line.port,
            "model": self.line.model,
            "number": number,
            "country": self.line.country,
            "made": f"{self.made:%Y-%m-%d %H:%M:%S %z}",
            "gateway": version("gateway"),
        }

    def trace(self, line: str) -> str:
        """With numbers starred."""
        text = self.traces[line]
        return text if self.unmask else _DIGITS.sub(lambda found: "*" * (len(found[0]) - KEPT) + found[0][-KEPT:], text)


def writable(folder: Path) -> None:
    """Make the folder for reports. Raises ``GatewayError``: better before the calls than after."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise GatewayError(f"{folder}: can't be made: {error.strerror}; name another folder with --out") from None
    if not os.access(folder, os.W_OK):
        raise GatewayError(f"{folder}: can't be written to; name another folder with --out")


def write(report: Report, folder: Path) -> list[Path]:
    """Both files, in ``folder``; their paths."""
    page, data = folder / f"{report.name}.html", folder / f"{report.name}.json"
    page.write_text(as_html(report), encoding="utf-8")
    data.write_text(as_json(report), encoding="utf-8")
    return [page, data]


def as_json(report: Report) -> str:
    """``{"passed", "line": {…}, "steps": [{…}], "traces": {line: [lines]}}``."""
    steps = [asdict(step) for step in report.proof.steps.values()]
    for step in steps:
        step["at"], step["seconds"] = round(step["at"], 3), round(step["seconds"], 3)
    told = {
        "passed": report.proof.passed,
        "line": report.facts(),
        "steps": steps,
        "traces": {line: report.trace(line).splitlines() for line in report.traces},
    }
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def as_html(report: Report) -> str:
    """One page."""
    title = f"Line {report.line.name}: {'proved' if report.proof.passed else 'not proved'}"
    facts = "".join(f"<dt>{_(name)}</dt><dd>{_(value)}</dd>" for name, value in report.facts().items())
    rows = "".join(_row(report, key) for key in report.proof.steps)
    traces = "".join(
        f"<h2>AT trace of line {_(line)}</h2><pre>{_(report.trace(line)) or 'nothing was sent'}</pre>"
        for line in report.traces
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style><h1>{_(title)}</h1>'
        f"{_verdict(report)}<dl>{facts}</dl><h2>Steps</h2><table><tr>"
        '<th class="time">begun</th><th class="time">took</th><th>step</th><th>result</th></tr>'
        f"{rows}</table>{traces}</html>\n"
    )


def _verdict(report: Report) -> str:
    failed = report.proof.first_failed
    if report.proof.passed:
        count = sum(step.status == "passed" for step in report.proof.steps.values())
        return f'<p class="verdict passed">All {count} steps have passed, in {report.proof.seconds:.0f} s.</p>'
    if failed is None:
        return '<p class="verdict failed">It was broken off.</p>'
    remedy = f'<span class="remedy">{_(failed.remedy)}</span>'
    return f'<p class="verdict failed">✗ {_(failed.title)}: {_(failed.finding)}.{remedy}</p>'


def _row(report: Report, key: str) -> str:
    step = report.proof.steps[key]
    ran = step.status in ("passed", "failed")
    begun, took = (f"{step.at:.1f} s", f"{step.seconds:.2f} s") if ran else ("", "")
    finding = f'<span class="finding">{_(step.finding)}</span>' if step.finding else ""
    remedy = f'<span class="remedy">{_(step.remedy)}</span>' if step.remedy else ""
    return (
        f'<tr class="{step.status.replace(" ", "-")}"><td class="time">{begun}</td><td class="time">{took}</td>'
        f'<td>{_(step.title)}{finding}{remedy}</td><td class="status">{SIGNS[step.status]}</td></tr>'
    )


def _(text: str) -> str:
    return html.escape(text)
