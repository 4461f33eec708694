"""``gateway doctor``: the whole box at a glance."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from gateway.cli.box_file import DEFAULT

SIGNS = {"good": ("✓", "green"), "warning": ("!", "yellow"), "bad": ("✗", "red"), "unknown": ("?", None)}


@click.command()
@click.option("--settings", "path", type=click.Path(path_type=Path), default=DEFAULT, show_default=True, metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="A JSON array, an object for each thing looked at.")
@click.pass_context
def doctor(context: click.Context, path: Path, as_json: bool) -> None:
    """Look at the whole box: settings, keys, peer, lines, store, disk, clock, power, permissions, versions.

    Nothing is changed and nothing dialled. Exit code 1 if something is bad.
    """
    from gateway.cli.doctor_checks import Finding, Machine, examine
    from gateway.settings import load

    findings = [Finding("settings", "good", f"{path} is understood")]
    findings += examine(Machine(load(path)))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=1))
    else:
        for finding in findings:
            sign, colour = SIGNS[finding.mark]
            click.echo(f"{click.style(sign, fg=colour)} {finding.what}: {finding.says}")
            if finding.remedy:
                click.echo(f"    {finding.remedy}")
    context.exit(1 if any(finding.mark == "bad" for finding in findings) else 0)
