"""The domestic box: lines that take calls, and a link that hands them over."""

import contextlib
from pathlib import Path

from gateway import clock
from gateway.audio.prompts import Clip, PromptLibrary
from gateway.calls.inbound import InboundMenu
from gateway.calls.intake import Intake
from gateway.calls.policy import Policy
from gateway.calls.screening import Screening
from gateway.daemon.box import check_models, linked, serve_lines, stop_on_signals
from gateway.daemon.guard import Guard, guarding
from gateway.daemon.scripts import scripts
from gateway.line import Line
from gateway.link.peer import Peer
from gateway.protocols.messages import CallReport, Message
from gateway.settings import LineSettings, Settings
from gateway.store.database import Database
from gateway.store.inbound import InboundCalls
from gateway.store.journal import Domestic

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
    stop_on_signals()
    with contextlib.closing(Database.open(settings.store)) as database:
        journal = Domestic(database, settings.links[0].peer)
        await InboundCalls(database).recover(clock.wall_clock())
        async with guarding(settings, policy, database) as guard:
            inbound = None if script is None else InboundMenu(InboundCalls(database), policy, script, guard.book)

            def committed(message: Message) -> None:
                """Orders and reports have taken effect in the store; a report ends a call."""
                if isinstance(message, CallReport):
                    guard.admission.ended(message.talk_seconds, message.ended_at)
                    guard.wake()

            async with linked(settings, database, journal, committed) as peer:
                await _serve_lines(settings, screening, prompts, journal, guard, peer, inbound)


async def _serve_lines(
    settings: Settings,
    screening: Screening,
    prompts: PromptLibrary,
    journal: Domestic,
    guard: Guard,
    peer: Peer,
    inbound: InboundMenu | None,
) -> None:
    def peer_away() -> bool:
        return clock.wall_clock() - peer.heard_at > settings.links[0].away_limit

    def hand_over() -> None:
        peer.wake()
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
            peer_away=peer_away,
            hand_over=hand_over,
            inbound=inbound,
        ).serve()

    await serve_lines(settings, serve, peer)
