"""The domestic box: lines that take calls, and a link that hands them over."""

import contextlib
from pathlib import Path

from gateway import clock
from gateway.audio.prompts import Clip, PromptLibrary
from gateway.calls.admission import Admission
from gateway.calls.intake import Intake
from gateway.calls.policy import Policy
from gateway.calls.screening import Screening
from gateway.daemon.box import check_models, linked, stop_on_signals, tell_ready
from gateway.daemon.supervise import Supervisor
from gateway.line import Line
from gateway.modems.catalogue import open_line
from gateway.protocols.messages import Message
from gateway.settings import LineSettings, Settings
from gateway.store.database import Database
from gateway.store.journal import Domestic

GUIDANCE = ("guidance_accepted", "guidance_tone", "guidance_hint_186", "guidance_refused", "guidance_not_kept")


def ignore(_: Message) -> None:
    """Orders and reports have taken effect in the store; nobody here waits for them."""


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
    stop_on_signals()
    with contextlib.closing(Database.open(settings.store)) as database:
        journal = Domestic(database, settings.link.peer)
        async with linked(settings, database, journal, ignore) as peer:

            def peer_away() -> bool:
                return clock.wall_clock() - peer.heard_at > settings.link.away_limit

            async def serve(line: Line, line_settings: LineSettings) -> None:
                await Intake(
                    line=line,
                    settings=line_settings,
                    language=settings.language,
                    prompts=prompts,
                    journal=journal,
                    screening=screening,
                    admission=Admission(policy),
                    peer_away=peer_away,
                    hand_over=peer.wake,
                ).serve()

            await Supervisor(settings.lines, open_line, serve).run(lambda: tell_ready(settings))
