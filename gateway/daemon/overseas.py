"""The overseas box: a link that brings requests, and lines that call back."""

import contextlib
from collections.abc import Sequence

from gateway import clock
from gateway.audio.tones_table import Table
from gateway.calls.callback import Callback
from gateway.calls.dialogue import Script
from gateway.calls.policy import Policy
from gateway.calls.queue import CallQueue
from gateway.calls.vacancies import Vacancies
from gateway.daemon.box import beside, check_models, linked, serve_lines, stop_on_signals
from gateway.daemon.guard import Guard, guarding
from gateway.daemon.scripts import further_tones, scripts
from gateway.line import Line
from gateway.link.peer import Peer
from gateway.protocols.messages import CallRequest, Message
from gateway.settings import LineSettings, Settings
from gateway.store.database import Database
from gateway.store.journal import Overseas


async def run(settings: Settings) -> None:
    """Until cancelled. Raises ``GatewayError`` where the box can't do its job."""
    check_models(settings)
    spoken, tones = scripts(settings), further_tones(settings)
    policy = Policy.of(settings)
    stop_on_signals()
    with contextlib.closing(Database.open(settings.store)) as database:
        journal = Overseas(database, settings.links[0].peer, settings.order_prefix)
        await journal.recover(clock.wall_clock())
        async with guarding(settings, policy, database) as guard:
            choose = guard.choose if any(line.route for line in settings.lines) else None
            routes = {line.name: line.route for line in settings.lines} if choose else {}
            queue = CallQueue(journal, lambda: policy.stopped, choose, settings.policy.max_calls, routes)
            vacancies = Vacancies(queue, journal, settings.callback.give_back)

            def committed(message: Message) -> None:
                if isinstance(message, CallRequest):
                    queue.changed()

            async with (
                linked(settings, database, journal, committed, lambda: vacancies.free_lines) as peers,
                beside("who looks after free lines", vacancies.watch()),
            ):
                await _serve_lines(settings, spoken, tones, journal, queue, guard, peers)


async def _serve_lines(
    settings: Settings,
    spoken: dict[str, Script],
    tones: Table | None,
    journal: Overseas,
    queue: CallQueue,
    guard: Guard,
    peers: Sequence[Peer],
) -> None:
    def hand_over() -> None:
        for peer in peers:
            peer.wake()
        guard.wake()

    async def serve(line: Line, line_settings: LineSettings) -> None:
        await Callback(
            line=line,
            queue=queue,
            journal=journal,
            admission=guard.admission,
            line_settings=line_settings,
            settings=settings.callback,
            retry=settings.retry,
            scripts=spoken,
            hand_over=hand_over,
            tones=tones,
        ).serve()

    await serve_lines(settings, serve, peers, journal.database)
