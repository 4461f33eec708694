"""Nobody has answered while it rings; busy and network tones say why not."""

import pytest

from gateway.audio.tones import ToneEvent
from gateway.calls.callback import next_attempt
from gateway.calls.progress import AnswerWatch
from gateway.line import Answer
from gateway.protocols.messages import Outcome
from gateway.settings import RetrySettings


def tone(name: str) -> list[ToneEvent]:
    return [ToneEvent(name, 0.0, 0.0, -20.0)]


def test_while_it_rings_nobody_has_answered_and_after_the_ring_time_nobody_will() -> None:
    watch = AnswerWatch(ring_time=45.0)
    for second in range(0, 45, 3):
        assert watch.feed(tone("ringback"), float(second)) is None
        assert not watch.answered
    assert watch.feed([], 45.0) is Answer.NO_ANSWER


def test_speech_after_ringback_is_an_answer() -> None:
    watch = AnswerWatch(ring_time=45.0)
    watch.feed(tone("ringback"), 1.0)
    watch.feed(tone("speech"), 2.0)
    assert watch.answered


def test_a_silent_person_is_noticed_once_ringback_has_stayed_away() -> None:
    watch = AnswerWatch(ring_time=45.0)
    watch.feed(tone("ringback"), 1.0)
    watch.feed([], 5.0)  # the longest pause between two rings is 4 s
    assert not watch.answered
    watch.feed([], 5.7)
    assert watch.answered


def test_a_silent_line_that_never_rang_leads_to_the_menu() -> None:
    watch = AnswerWatch(ring_time=45.0)
    watch.feed([], 4.9)  # a call abroad may not ring yet
    assert not watch.answered
    watch.feed([], 5.1)
    assert watch.answered


def test_where_the_network_tells_of_the_answer_a_silent_person_waits_half_as_long() -> None:
    watch = AnswerWatch(ring_time=45.0, told=True)
    watch.feed([], 2.1)
    assert not watch.answered
    watch.feed([], 2.3)
    assert watch.answered


def test_a_modem_that_tells_of_the_answer_while_it_rings_is_not_believed() -> None:
    watch = AnswerWatch(ring_time=45.0, told=True)
    for second in range(1, 44, 3):  # Japan's ringback, early media
        watch.feed(tone("ringback"), float(second))
        watch.feed([], second + 2.9)
        assert not watch.answered
    assert watch.feed([], 45.0) is Answer.NO_ANSWER


@pytest.mark.parametrize(
    ("name", "answer"), [("busy", Answer.BUSY), ("congestion", Answer.NETWORK), ("sit", Answer.NETWORK)]
)
def test_tones_say_why_nobody_answers(name: str, answer: Answer) -> None:
    assert AnswerWatch(ring_time=45.0).feed(tone(name), 3.0) is answer


RETRY = RetrySettings(busy=(60.0, 120.0), left_early=(30.0,), network=(), expires=600.0)


@pytest.mark.parametrize(
    ("outcome", "earlier", "age", "wait"),
    [
        ("busy", (), 10.0, 60.0),
        ("busy", ("busy",), 80.0, 120.0),
        ("busy", ("busy", "busy"), 210.0, None),
        ("busy", ("no answer",), 80.0, 60.0),
        ("busy", (), 550.0, None),  # would come after the request has expired
        ("left early", (), 10.0, 30.0),
        ("network", (), 10.0, None),
        ("order", (), 10.0, None),
        ("talked", (), 10.0, None),
        ("unknown", (), 10.0, None),
        ("refused", (), 10.0, None),
    ],
)
def test_retries_follow_the_outcome_and_end(
    outcome: Outcome, earlier: tuple[Outcome, ...], age: float, wait: float | None
) -> None:
    assert next_attempt(RETRY, outcome, earlier, age) == wait
