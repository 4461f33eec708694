"""``gateway demo``: the main job on the bench, shown live, judged by the exchange's log."""

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from gateway.errors import GatewayError, SettingsError

if TYPE_CHECKING:
    from rich.console import Console

ORDER = re.compile(r"(\d+):(\d+)")


@click.command()
@click.option("--calls", default=1, show_default=True, type=click.IntRange(1, 500), help="How many customers call.")
@click.option("--lines", default=1, show_default=True, type=click.IntRange(1, 16), help="Lines on each box.")
@click.option("--speed", default=1.0, show_default=True, type=click.FloatRange(0.1, 50), help="Bench seconds a second.")
@click.option("--withheld", type=click.Choice(["P", "O", "C", "S"]), help="The customers' numbers are withheld: why.")
@click.option(
    "--model", default="usr5637", show_default=True, help="The modems on both boxes; docs/demo.md lists them."
)
@click.option("--domestic-model", metavar="MODEL", help="The domestic box's, where they differ.")
@click.option("--overseas-model", metavar="MODEL", help="The overseas box's, where they differ.")
@click.option(
    "--audio", default="serial", show_default=True, type=click.Choice(["serial", "alsa"]), help="Sound of GSM modems."
)
@click.option("--language", default="ja", show_default=True, type=click.Choice(["ja", "en"]), help="Of the prompts.")
@click.option("--keys", help='What the customers key, a group for each prompt: "1 1 25# 2# 1". Goes with --order.')
@click.option("--order", "meaning", help="What --keys is to order, article:quantity: 25:2,31:4.")
@click.option(
    "--out", default="out/demo", show_default=True, type=click.Path(path_type=Path), help="Folder for results."
)
@click.option("--json", "as_json", is_flag=True, help="The result as one JSON object; nothing else on standard output.")
def demo(
    calls: int,
    lines: int,
    speed: float,
    withheld: str | None,
    model: str,
    domestic_model: str | None,
    overseas_model: str | None,
    audio: Literal["serial", "alsa"],
    language: str,
    keys: str | None,
    meaning: str | None,
    out: Path,
    as_json: bool,
) -> None:
    """Run the main job on the bench: customers ring the shop, are called back from overseas and key their orders.

    Exit code 0 only if the orders at the domestic box are what the customers keyed; with --withheld, only if every
    caller was refused as he should be and nothing was dialled. What is left in --out: docs/demo.md.
    """
    from rich.console import Console

    from gateway.bench import demo as bench_demo
    from gateway.bench.report import print_report, summary

    if audio == "alsa" and speed != 1.0:
        raise SettingsError("--audio alsa: sound cards know real time only; leave --speed at 1")
    options = bench_demo.Options(
        calls=calls,
        lines=lines,
        speed=speed,
        withheld=withheld,
        model=_known(domestic_model or model),
        overseas_model=_known(overseas_model or model),
        audio=audio,
        language=language,
        out=out,
        keys=keys,
        order=_order(keys, meaning),
    )
    console = Console(stderr=as_json, highlight=False, quiet=as_json)
    outcome = bench_demo.run(options, console)
    money = _money(out)
    if as_json:
        click.echo(json.dumps({**summary(outcome, options), "money": money}, ensure_ascii=False, indent=2))
    else:
        print_report(console, outcome, options)
        _print_money(console, money)
    sys.exit(0 if not outcome.problems else 1)


def _known(model: str) -> str:
    from gateway.bench.emulators.gsm_models import GSM_MODELS
    from gateway.bench.emulators.models import model_named

    return model if model in GSM_MODELS else model_named(model, besides=tuple(GSM_MODELS)).name


def _order(keys: str | None, meaning: str | None) -> tuple[tuple[str, int], ...]:
    if (keys is None) != (meaning is None):
        raise SettingsError("--keys and --order go together: the demo must know what the keys are to order")
    if meaning is None:
        return ()
    lines = [ORDER.fullmatch(line.strip()) for line in meaning.split(",")] if meaning.strip() else []
    if None in lines or not re.fullmatch(r"[0-9*# ]+", keys or ""):
        raise GatewayError(
            "--keys takes digits, * and # in groups, --order article:quantity: --keys '1 1 25# 2# 1' --order 25:2"
        )
    return tuple((line[1], int(line[2])) for line in lines if line is not None)


def _money(out: Path) -> dict[str, Any]:
    """What the answered call-backs cost and would have cost, at the shipped sample prices."""
    from gateway.calls.money import to_coin
    from gateway.calls.sample_prices import SAMPLE_DAY, at_sample_prices
    from gateway.calls.savings import Sums
    from gateway.settings import load
    from gateway.store.database import read_only

    settings = load(out / "domestic" / "gateway.toml")
    total = Sums()
    exchange: dict[str, None] = {}
    with read_only(settings.store) as connection:
        for entry in at_sample_prices(connection, settings):
            total.add(entry)
            exchange.update(dict.fromkeys(filter(None, entry.exchange.split("; "))))
    amounts = {"cost": total.cost, "direct": total.direct, "saved": total.saved}
    return {
        "answered": total.answered,
        "seconds": round(total.seconds, 3),
        **{name: str(to_coin(amount, "JPY")) for name, amount in amounts.items()},
        "currency": "JPY",
        "prices": f"sample data of {SAMPLE_DAY:%Y-%m}",
        "exchange": list(exchange),
    }


def _print_money(console: "Console", money: dict[str, Any]) -> None:
    if not money["answered"]:
        return
    calls = "the call" if money["answered"] == 1 else f"{money['answered']} calls"
    console.print(
        f"{calls}, {money['seconds']:.0f} s of talk: [bold]{money['cost']} yen[/] called back from overseas, "
        f"{money['direct']} yen called directly: [bold green]{money['saved']} yen saved[/]"
    )
    console.print(f"[dim]by {money['prices']}; {'; '.join(money['exchange'])}[/]")
