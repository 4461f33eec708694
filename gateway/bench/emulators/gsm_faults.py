"""What may go wrong with an emulated GSM modem, to be set at any time."""

from dataclasses import dataclass, field


@dataclass
class GsmFaults:
    """All off to begin with."""

    clip_after: float | None = None
    """Seconds from RING to +CLIP, instead of the model's."""
    clip_without_ring: bool = False
    ring_without_clip: bool = False
    clip_form: str | None = None
    """+CLIP as it stands here, whoever calls."""
    chatter: tuple[str, ...] = ()
    """Lines that come between RING and +CLIP."""
    early_media: bool = False
    """A call is told to be active as soon as the far end rings."""
    phantom_row: str | None = None
    """A row that AT+CLCC always lists."""
    silent_give_up: bool = False
    """Nothing tells that a caller has given up."""
    answers_ok_late: bool = False
    """ATD is answered only when the call is: OK, or what became of it."""
    chup_ends_all: bool = False
    """AT+CHUP refuses a call that waits, too."""
    dial_result: str | None = None
    """ATD is answered by this."""
    refused: set[str] = field(default_factory=set)
    """Names of commands that are answered by an error (``+CLCC``)."""
