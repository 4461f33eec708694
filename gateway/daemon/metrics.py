"""What a box tells Prometheus: its lines, calls, link, money and alarms, as they are when it is asked.

Nothing is counted along the way: sums come from the store, states from the objects that have them. No telephone number
is among the labels. ``docs/metrics.md`` lists the figures.
"""

import contextlib
import shutil
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from gateway import clock
from gateway.calls.least_cost import zone_of
from gateway.daemon.scrape import serve
from gateway.daemon.supervise import Supervisor
from gateway.link.peer import Peer
from gateway.link.status import LinkState
from gateway.protocols.routes import RouteState
from gateway.settings import Settings
from gateway.store.database import Database
from gateway.store.figures import Figures, Tally


@contextlib.asynccontextmanager
async def telling(
    settings: Settings, listen: str, database: Database, supervisor: Supervisor, peers: Sequence[Peer]
) -> AsyncIterator[str]:
    """Figures at ``listen`` ("127.0.0.1:9469") for the block; the address. Raises ``GatewayError`` if it is taken."""
    box = BoxMetrics(settings, database, supervisor, peers, zone_of(settings))
    async with serve(listen, box.page) as address:
        yield address


@dataclass
class BoxMetrics:
    """Where a box's figures come from."""

    settings: Settings
    database: Database
    supervisor: Supervisor
    peers: Sequence[Peer]
    zone: ZoneInfo
    _tally: Tally = field(default_factory=Tally)

    async def page(self) -> bytes:
        """All figures in Prometheus' text form. Raises ``StoreError``."""
        now = clock.wall_clock()
        day = datetime.fromtimestamp(now, self.zone).date().isoformat()
        figures = await self.database.read(lambda connection: self._tally.read(connection, now, day))
        registry = CollectorRegistry()
        registry.register(_Moment([*self._box(), *self._lines(), *_calls(figures, now), *self._money(figures)]))
        registry.register(_Moment(_links([peer.state() for peer in self.peers], now)))
        ProcessCollector(registry=registry)
        return generate_latest(registry)

    def _box(self) -> Iterator[Metric]:
        labels = ("name", "role", "version")
        values = (self.settings.name, self.settings.role, version("gateway"))
        yield _gauge("gateway_box", "Always 1; its labels say which box this is.", labels, [(values, 1)])
        free = shutil.disk_usage(self.settings.data).free
        yield _gauge("gateway_disk_free_bytes", "Room left where the store is.", (), [((), free)])
        stopped = self.settings.stop_file.exists()
        yield _gauge("gateway_dialling_stopped", "1 while gateway policy stop is in force.", (), [((), stopped)])

    def _lines(self) -> Iterator[Metric]:
        serving, in_call, ladders = self.supervisor.serving, self.supervisor.in_call, self.supervisor.ladders
        line = ("line",)
        yield _gauge(
            "gateway_line_serving", "1 while the line's modem serves.", line, [((k,), v) for k, v in serving.items()]
        )
        yield _gauge(
            "gateway_line_in_call", "1 while the line is off hook.", line, [((k,), v) for k, v in in_call.items()]
        )
        lost = [((name,), sum(ladder.taken.values())) for name, ladder in ladders.items()]
        yield _counter("gateway_line_losses", "How often the line's modem was lost.", line, lost)
        steps = [((name, rung.name.lower()), n) for name, ladder in ladders.items() for rung, n in ladder.taken.items()]
        yield _counter("gateway_line_recovery_steps", "What was done to have it back.", ("line", "step"), steps)

    def _money(self, figures: Figures) -> Iterator[Metric]:
        labels, currency = ("period", "currency"), self.settings.tariff.currency
        spent = {"day": figures.spent.day, "month": figures.spent.month}
        caps = {"day": self.settings.policy.spend_day, "month": self.settings.policy.spend_month}
        yield _gauge(
            "gateway_spend",
            "Booked in the current day and month, the worst case of calls under way included.",
            labels,
            [((period, currency), float(Decimal(amount) / 1_000_000)) for period, amount in spent.items()],
        )
        capped = [((period, currency), float(cap)) for period, cap in caps.items() if cap is not None]
        yield _gauge("gateway_spend_cap", "What may be spent.", labels, capped)
        alarms = [((kind,), count) for kind, count in figures.alarms.items()]
        yield _counter("gateway_alarms", "Signs of fraud.", ("kind",), alarms)


class _Moment:
    """Values that were taken already, in the form in which a registry asks for them."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> list[Metric]:
        return self._metrics


Samples = Iterable[tuple[Sequence[str], float]]


def _calls(figures: Figures, now: float) -> Iterator[Metric]:
    yield _counter("gateway_calls", "Calls that came in.", ("line", "result"), figures.calls.items())
    yield _counter("gateway_call_backs", "Diallings that ended.", ("line", "outcome"), figures.call_backs.items())
    refusals = [((reason,), count) for reason, count in figures.refusals.items()]
    yield _counter("gateway_refusals", "Callers not accepted, requests not dialled.", ("reason",), refusals)
    yield _counter("gateway_orders", "Orders that were confirmed.", (), [((), figures.orders)])
    yield _gauge("gateway_requests_waiting", "Customers who are owed a call-back.", (), [((), figures.waiting)])
    oldest = 0.0 if figures.oldest is None else max(0.0, now - figures.oldest)
    yield _gauge("gateway_oldest_request_seconds", "For how long the first of them has waited.", (), [((), oldest)])


def _links(states: Sequence[LinkState], now: float) -> Iterator[Metric]:
    routes = [(state.peer, route) for state in states for route in state.routes]
    yield _gauge(
        "gateway_link_route_state",
        "1 for the state that the route is in.",
        ("peer", "route", "state"),
        [((peer, way.name, each.value), way.state == each.value) for peer, way in routes for each in RouteState],
    )
    trips = [((peer, way.name), way.round_trip) for peer, way in routes if way.round_trip is not None]
    yield _gauge("gateway_link_round_trip_seconds", "Smoothed round trip.", ("peer", "route"), trips)
    queues = [((state.peer,), state.queued) for state in states]
    yield _gauge("gateway_link_queue", "Messages that the peer lacks.", ("peer",), queues)
    silent = [((state.peer,), max(0.0, now - state.heard_at)) for state in states]
    yield _gauge("gateway_link_silent_seconds", "Since the peer's last sign of life.", ("peer",), silent)
    drops = [((state.peer, reason), count) for state in states for reason, count in state.counts.items()]
    yield _counter("gateway_link_dropped", "What came in and was not taken.", ("peer", "reason"), drops)


def _gauge(name: str, says: str, labels: Sequence[str], samples: Samples) -> Metric:
    family = GaugeMetricFamily(name, says, labels=labels)
    for values, value in samples:
        family.add_metric(values, float(value))
    return family


def _counter(name: str, says: str, labels: Sequence[str], samples: Samples) -> Metric:
    family = CounterMetricFamily(name, says, labels=labels)
    for values, value in samples:
        family.add_metric(values, float(value))
    return family
