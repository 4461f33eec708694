"""The domestic box: lines that take calls, and a link that hands them over."""

import contextlib
import logging
from pathlib import Path

from gateway import clock
from gateway.audio.prompts import Clip, PromptLibrary
from gateway.calls.inbound import InboundMenu
from gateway.calls.intake import Intake
from gateway.calls.policy import Policy
from gateway.calls.screening import Screening
from gateway.daemon.box import beside, check_models, linked, serve_lines, stop_on_signals
from gateway.daemon.guard import Guard, guarding
from gateway.daemon.overseas_boxes import OverseasBoxes
from gateway.daemon.scripts import further_tones, scripts
from gateway.line import Line
from gateway.protocols.messages import CallReport, Message
from gateway.settings import LineSettings, Settings
from gateway.store.database import Database
from gateway.store.inbound import InboundCalls
from gateway.store.journal import Domestic

log = logging.getLogger(__name__)

GUIDANCE = ("guidance_accepted", "guidance_tone", "guidance_hint_186", "guidance_refused", "guidance_not_kept")


def guidance_prompts(settings: Settings) -> PromptLibrary:
    """The clips that callers hear. Raises ``PromptError`` where one is missing."""
    prompts = PromptLibrary.open(settings.language, None if settings.prompts is None else Path(settings.prompts))
    for clip in GUIDANCE:
        prompts.sound((Clip(clip),))
    return prompts


async def run(settings: Settings) -> None:
    """Until cancelled. Raises ``GatewayError`` where the box can't do its job."""
    check_models(settings)
    prompts = guidance_prompts(settings)
    policy = Policy.of(settings)
    screening = Screening(settings.guidance, policy)
    script = next(iter(scripts(settings).values())) if settings.guidance.menu == "cheaper" else None
    tones = further_tones(settings)
    stop_on_signals()
    with contextlib.closing(Database.open(settings.store)) as database:
        inbound_calls = InboundCalls(database, settings.order_prefix)
        await inbound_calls.recover(clock.wall_clock())
        async with guarding(settings, policy, database) as guard:
            boxes = OverseasBoxes(settings, guard.book)
            peer, *others = (link.peer for link in settings.links)
            journal = Domestic(database, peer, tuple(others), boxes.rank, boxes.asked, boxes.is_away)
            inbound = None if script is None else InboundMenu(inbound_calls, policy, script, guard.book, tones)

            def committed(message: Message) -> None:
                """Orders and reports have taken effect in the store; a report ends a call."""
                if isinstance(message, CallReport):
                    guard.admission.ended(message.talk_seconds, message.ended_at)
                    guard.wake()

            if cut := await journal.recover(clock.wall_clock()):
                log.warning("a backup was put back: %d open requests may have been served since; nobody is asked", cut)
            async with (
                linked(settings, database, journal, committed) as boxes.peers,
                beside("who looks after those that wait for a box", boxes.serve_waiting(journal)),
            ):
                if freed := await journal.release_orphans([line.name for line in settings.lines]):
                    log.warning(
                        "%d requests were held by lines that the settings no longer name; they are let go", freed
                    )
                await _serve_lines(settings, screening, prompts, journal, guard, boxes, inbound)


async def _serve_lines(
    settings: Settings,
    screening: Screening,
    prompts: PromptLibrary,
    journal: Domestic,
    guard: Guard,
    boxes: OverseasBoxes,
    inbound: InboundMenu | None,
) -> None:
    def hand_over() -> None:
        boxes.wake()
        guard.wake()

    async def serve(line: Line, line_settings: LineSettings) -> None:
        await Intake(
            line=line,
            settings=line_settings,
            language=settings.language,
            prompts=prompts,
            journal=journal,
            screening=screening,
            admission=guard.admission,
            peer_away=lambda: boxes.all_away,
            hand_over=hand_over,
            inbound=inbound,
        ).serve()

    await serve_lines(settings, serve, boxes.peers, journal.database)
