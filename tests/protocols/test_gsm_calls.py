"""One call state machine for every dialect: raw bytes in at every split, the same events out."""

from typing import Any

import pytest

from gateway.line import Answer
from gateway.numbers import CallerId, PhoneNumber, Withheld
from gateway.protocols.at import CommandStream, Unsolicited
from gateway.protocols.gsm_calls import (
    ASK_AFTER,
    NEVER_LISTED,
    NO_NUMBER,
    POLL_EVERY,
    RINGING_STOPPED,
    Alerting,
    Dialling,
    Ended,
    GsmCalls,
    GsmEvent,
    ListCalls,
    Phase,
    Talking,
    Waiting,
)
from gateway.protocols.gsm_lines import read_clcc
from gateway.protocols.incoming import Incoming, Masked, Rang, Stopped

MOBILE = PhoneNumber("+819012345678")
OTHER = PhoneNumber("+819087654321")
CLIP = '+CLIP: "+819012345678",145,"",0,"",0'
WITHHELD = '+CLIP: "",128,,,,1'
OTHER_CLIP = '+CLIP: "09087654321",129,,,,0'
ROW = '+CLCC: 1,{},{},0,0,"09012345678",129'


def rows(*texts: str) -> list[Any]:
    return [read_clcc(text, "JP") for text in texts]


def kinds(events: list[GsmEvent] | None) -> list[GsmEvent]:
    return [event for event in events or () if not isinstance(event, Rang | ListCalls)]


# --- progress dialects, as raw bytes ------------------------------------------------------------------------------

UP: list[GsmEvent] = [Alerting(), Talking(), Ended(None)]

DIALECTS: dict[str, tuple[bytes, list[GsmEvent]]] = {
    "clcc unasked": (
        b'\r\n+CLCC: 1,0,2,0,0,"09012345678",129\r\n\r\n+CLCC: 1,0,3,0,0,"09012345678",129\r\n'
        b'\r\n+CLCC: 1,0,0,0,0,"09012345678",129\r\n\r\n+CLCC: 1,0,6,0,0,"09012345678",129\r\n\r\nNO CARRIER\r\n',
        UP,
    ),
    "voice call": (
        b'\r\r\n+CLCC: 1,0,3,0,0,"0901",129\r\r\n\r\r\nVOICE CALL: BEGIN\r\r\n\r\r\nVOICE CALL: END: 000034\r\r\n'
        b"\r\r\nNO CARRIER\r\r\n",
        UP,
    ),
    "voice call, no row": (b"\r\nVOICE CALL:BEGIN\r\n\r\nVOICE CALL: END\r\n", [Talking(), Ended(None)]),
    "huawei": (b"\r\n^ORIG:1,0\r\n\r\n^CONF:1\r\n\r\n^CONN:1,0\r\n\r\n^CEND:1,34,104,16\r\n", UP),
    "huawei, spaces, short": (b"\r\n^ORIG: 1, 0\r\n\r\n^CONF: 1\r\n\r\n^CONN: 1, 0\r\n\r\n^CEND: 1, 34, 104\r\n", UP),
    "huawei, busy": (b"\r\n^ORIG:1,0\r\n\r\n^CONF:1\r\n\r\n^CEND:1,0,29,17\r\n", [Alerting(), Ended(Answer.BUSY)]),
    "huawei, no answer": (b"\r\n^CONF:1\r\n\r\n^CEND:1,0,29,19\r\n", [Alerting(), Ended(Answer.NO_ANSWER)]),
    "huawei, rejected": (b"\r\n^CEND:1,0,29,21\r\n", [Ended(Answer.BUSY)]),
    "huawei, no channel": (b"\r\n^CEND:1,0,29,34\r\n", [Ended(Answer.NETWORK)]),
    "huawei, cause left empty": (b"\r\n^CEND:1,0,29,\r\n", [Ended(None)]),
    "ccinfo": (
        b'\r\n+QIND: "ccinfo",1,0,2,0,0,"09012345678",129\r\n\r\n+QIND: "ccinfo",1,0,3,0,0,"09012345678",129\r\n'
        b'\r\n+QIND: "ccinfo",1,0,0,0,0,"09012345678",129\r\n\r\n+QIND: "ccinfo",1,0,-1,0,0,"09012345678",129\r\n',
        UP,
    ),
    "dsci": (
        b"\r\n^DSCI: 1,0,2,0,09012345678,129\r\n\r\n^DSCI: 1,0,7,0,09012345678,129\r\n"
        b"\r\n^DSCI: 1,0,3,0,09012345678,129\r\n\r\n^DSCI: 1,0,6,0,09012345678,129\r\n",
        UP,
    ),
    "hangup": (b"\r\nHANGUP: 1\r\n", [Ended(None)]),
    "busy": (b"\r\nBUSY\r\n", [Ended(Answer.BUSY)]),
    "no answer": (b"\r\nNO ANSWER\r\n", [Ended(Answer.NO_ANSWER)]),
    "no dialtone": (b"\r\nNO DIALTONE\r\n", [Ended(Answer.NO_DIAL_TONE)]),
    "early media": (
        b'\r\n+CLCC: 1,0,0,0,0,"0901",129\r\n\r\n+CLCC: 1,0,3,0,0,"0901",129\r\n\r\n+CLCC: 1,0,0,0,0,"0901",129\r\n'
        b"\r\nNO CARRIER\r\n",
        [Talking(), Ended(None)],
    ),
    "phantom": (
        b'\r\n+CLCC: 1,1,0,1,0,"",128\r\n\r\n+CLCC: 2,0,3,0,0,"0901",129\r\n\r\n+CLCC: 1,1,6,1,0,"",128\r\n'
        b'\r\n+CLCC: 2,0,0,0,0,"0901",129\r\n\r\nNO CARRIER\r\n',
        UP,
    ),
}
SPLITS = [(name, size) for name, (wire, _) in DIALECTS.items() for size in range(1, len(wire) + 1)]


@pytest.mark.parametrize(("name", "size"), SPLITS)
def test_every_dialect_tells_the_same_story_at_every_split(name: str, size: int) -> None:
    wire, story = DIALECTS[name]
    calls, stream = GsmCalls("JP", lists=False), CommandStream()
    calls.dials(0.0)
    assert calls.dialled("OK", 0.1) == []
    told: list[GsmEvent] = []
    for at in range(0, len(wire), size):
        for event in stream.receive(wire[at : at + size]):
            assert isinstance(event, Unsolicited)
            told += kinds(calls.line(event.text, 1.0))
    assert told == story
    assert calls.phase is Phase.IDLE


@pytest.mark.parametrize(
    "result", ["BUSY", "NO CARRIER", "NO ANSWER", "NO DIALTONE", "NO DIAL TONE", "ERROR", "+CME ERROR: 30"]
)
def test_a_final_result_other_than_ok_ends_the_dialling(result: str) -> None:
    calls = GsmCalls("JP")
    calls.dials(0.0)
    expected = {
        "BUSY": Answer.BUSY,
        "NO CARRIER": None,
        "NO ANSWER": Answer.NO_ANSWER,
        "NO DIALTONE": Answer.NO_DIAL_TONE,
        "NO DIAL TONE": Answer.NO_DIAL_TONE,
    }
    assert calls.dialled(result, 0.5) == [Ended(expected.get(result, Answer.NETWORK))]
    assert calls.phase is Phase.IDLE
    assert calls.deadline is None


def test_where_ok_means_answered_it_is_the_answer() -> None:
    calls = GsmCalls("JP", lists=False, ok_means_answer=True)
    calls.dials(0.0)
    assert calls.dialled("OK", 9.0) == [Talking()]
    assert calls.line("HANGUP: 1", 20.0) == [Ended(None)]


def test_connect_means_answered_on_any_modem() -> None:
    calls = GsmCalls("JP")
    calls.dials(0.0)
    assert calls.dialled("CONNECT", 9.0) == [Talking()]


# --- asking for the rows ------------------------------------------------------------------------------------------


def test_a_plain_modem_is_asked_every_half_second_and_a_missing_row_is_the_end() -> None:
    calls = GsmCalls("JP")
    calls.dials(0.0)
    calls.dialled("OK", 0.0)
    told: list[GsmEvent] = []
    for turn, answer in enumerate(([2], [3], [3], [0], [0], [])):
        due = calls.deadline
        assert due == pytest.approx(turn * POLL_EVERY + POLL_EVERY)
        assert calls.tick(due) == [ListCalls()]
        told += kinds(calls.rows(rows(*(ROW.format(0, state) for state in answer)), due))
    assert told == [Alerting(), Talking(), Ended(None)]


def test_a_phantom_data_row_does_not_keep_a_call_alive() -> None:
    calls = GsmCalls("JP")
    calls.dials(0.0)
    calls.dialled("OK", 0.0)
    calls.rows(rows(ROW.format(0, 0), '+CLCC: 2,1,0,1,0,"",128'), 0.5)
    assert calls.rows(rows('+CLCC: 2,1,0,1,0,"",128'), 1.0) == [Ended(None)]


def test_a_call_that_is_never_listed_is_given_up() -> None:
    calls = GsmCalls("JP")
    calls.dials(0.0)
    calls.dialled("OK", 0.0)
    assert calls.rows([], NEVER_LISTED - 0.1) == []
    assert calls.rows([], NEVER_LISTED + 0.1) == [Ended(None)]


def test_a_modem_that_refuses_to_list_is_not_asked_again() -> None:
    calls = GsmCalls("JP")
    calls.dials(0.0)
    calls.dialled("OK", 0.0)
    assert calls.rows(None, 0.5) == []
    assert calls.deadline is None
    assert calls.line("NO CARRIER", 9.0) == [Ended(None)]


def test_one_refusal_of_a_modem_that_listed_before_means_nothing() -> None:
    calls = GsmCalls("JP")
    calls.dials(0.0)
    calls.dialled("OK", 0.0)
    calls.rows(rows(ROW.format(0, 0)), 0.5)
    assert calls.rows(None, 1.0) == []
    assert calls.deadline == 1.0 + POLL_EVERY


# --- who calls ----------------------------------------------------------------------------------------------------


def ringing(*script: tuple[float, str], until: float = 60.0, lists: bool = False) -> list[tuple[float, GsmEvent]]:
    """Lines at their times; ticks exactly at the deadlines between."""
    calls = GsmCalls("JP", lists=lists)
    told: list[tuple[float, GsmEvent]] = []
    for at, line in (*script, (until, "")):
        while (due := calls.deadline) is not None and due < at:
            told += [(due, event) for event in calls.tick(due)]
        if line:
            told += [(at, event) for event in calls.line(line, at) or ()]
    return [(round(at, 3), event) for at, event in told if not isinstance(event, Rang)]


def test_clip_settles_the_caller_at_once() -> None:
    assert ringing((0.0, "RING"), (0.03, CLIP), until=5.0) == [(0.03, Incoming(MOBILE, 0.03))]
    assert ringing((0.0, "+CRING: VOICE"), (0.5, CLIP), until=5.0) == [(0.5, Incoming(MOBILE, 0.5))]


def test_clip_without_ring_and_ccinfo_make_one_call() -> None:
    info = '+QIND: "ccinfo",2,1,{},0,0,"09012345678",129'
    told = ringing((0.0, info.format(4)), (0.1, CLIP), (3.0, info.format(-1)))
    assert told == [(0.1, Incoming(MOBILE, 0.1)), (3.0, Stopped())]


@pytest.mark.parametrize("gap", [0.0, 0.03, 0.2, 0.5])
@pytest.mark.parametrize("between", [(), ("+CSQ: 20,99",), ("^RSSI:19", ROW.format(1, 4), "+CREG: 1")])
def test_a_known_caller_is_never_taken_for_withheld(gap: float, between: tuple[str, ...]) -> None:
    told = ringing((0.0, "RING"), *((gap / 2, line) for line in between), (gap, CLIP), until=5.0)
    assert told == [(gap, Incoming(MOBILE, gap))]


def test_a_row_with_a_number_never_outruns_the_clip_that_withholds_it() -> None:
    told = ringing((0.0, ROW.format(1, 4)), (0.0, "RING"), (0.5, WITHHELD), until=5.0, lists=True)
    assert told == [(0.5, Incoming(Withheld("P"), 0.5))]


def test_ring_alone_is_looked_up_and_then_unavailable() -> None:
    told = ringing((0.0, "RING"), until=5.0, lists=True)
    assert told == [(ASK_AFTER, ListCalls()), (NO_NUMBER, Incoming(Withheld("O"), NO_NUMBER))]
    calls = GsmCalls("JP")
    calls.line("RING", 0.0)
    assert calls.tick(ASK_AFTER) == [ListCalls()]
    assert calls.rows(rows(ROW.format(1, 4)), ASK_AFTER) == [Incoming(MOBILE, ASK_AFTER)]


def test_a_list_that_was_asked_too_early_ends_no_call() -> None:
    calls = GsmCalls("JP")
    calls.line("RING", 0.0)
    assert calls.tick(ASK_AFTER) == [ListCalls()]
    assert calls.line(CLIP, 0.65) == [Incoming(MOBILE, 0.65)]
    assert calls.rows([], 0.66) == []
    assert calls.phase is Phase.RINGING


def test_one_call_is_told_once_however_often_it_rings() -> None:
    told = ringing(*((at, line) for at in (0.0, 5.0, 10.0) for line in ("RING", CLIP)), until=14.0)
    assert told == [(0.0, Incoming(MOBILE, 0.0))]


@pytest.mark.parametrize(
    "end", ["NO CARRIER", "^CEND:1,0,29,16", "MISSED_CALL: 10:25AM 09012345678", "VOICE CALL: END: 000000"]
)
def test_a_caller_who_gives_up_is_told(end: str) -> None:
    told = ringing((0.0, "RING"), (0.0, CLIP), (3.0, end))
    assert told == [(0.0, Incoming(MOBILE, 0.0)), (3.0, Stopped())]


def test_a_caller_who_gives_up_without_a_word_is_missed_after_one_ring_period() -> None:
    told = ringing((0.0, "RING"), (0.0, CLIP), (5.0, "RING"))
    assert told == [(0.0, Incoming(MOBILE, 0.0)), (5.0 + RINGING_STOPPED, Stopped())]


def test_rows_decide_whether_a_call_that_no_longer_rings_is_still_there() -> None:
    calls = GsmCalls("JP")
    calls.line("RING", 0.0)
    calls.line(CLIP, 0.0)
    assert calls.tick(RINGING_STOPPED) == [ListCalls()]
    assert calls.rows(rows(ROW.format(1, 4)), RINGING_STOPPED) == []
    assert calls.tick(2 * RINGING_STOPPED) == [ListCalls()]
    assert calls.rows([], 2 * RINGING_STOPPED) == [Stopped()]


def test_a_number_that_is_withheld_afterwards_is_masked() -> None:
    told = ringing((0.0, "RING"), (0.0, CLIP), (0.2, WITHHELD), until=5.0)
    assert told[1:] == [(0.2, Masked(Withheld("P")))]
    assert ringing((0.0, "RING"), (0.0, CLIP), (0.2, OTHER_CLIP), until=5.0)[1:] == [(0.2, Masked(Withheld("?")))]


def test_a_withheld_call_never_becomes_known() -> None:
    told = ringing((0.0, "RING"), (0.0, WITHHELD), (0.2, CLIP), until=5.0)
    assert told == [(0.0, Incoming(Withheld("P"), 0.0))]


def test_another_caller_after_one_who_left_silently_is_another_call() -> None:
    told = ringing((0.0, "RING"), (0.0, CLIP), (4.0, "RING"), (4.1, OTHER_CLIP), until=9.0)
    assert told == [(0.0, Incoming(MOBILE, 0.0)), (4.1, Stopped()), (4.1, Incoming(OTHER, 4.1))]


# --- two calls at once --------------------------------------------------------------------------------------------


def talking(caller: CallerId = MOBILE, *, lists: bool = True) -> GsmCalls:
    calls = GsmCalls("JP", lists=lists)
    assert kinds(calls.line(CLIP, 0.0)) == [Incoming(caller, 0.0)]
    calls.answers(0.1)
    assert calls.answered("OK", 0.2) == [Talking()]
    return calls


@pytest.mark.parametrize("line", ['+CCWA: "09087654321",129,1', OTHER_CLIP, '+CLCC: 2,1,5,0,0,"09087654321",129'])
def test_a_second_caller_waits_and_does_not_touch_the_first(line: str) -> None:
    calls = talking()
    calls.rows(rows(ROW.format(1, 0)), 0.3)
    assert kinds(calls.line(line, 1.0)) == [Waiting(OTHER)]
    assert kinds(calls.line(line, 2.0)) == []
    assert calls.phase is Phase.TALKING


def test_the_end_of_a_waiting_call_is_not_the_end_of_ours() -> None:
    calls = talking()
    calls.rows(rows(ROW.format(1, 0)), 0.3)
    calls.line('+CCWA: "09087654321",129,1', 1.0)
    assert calls.line("^CEND:2,0,29,16", 2.0) == []
    assert calls.line("MISSED_CALL: 10:25AM 09087654321", 2.0) == []
    assert calls.phase is Phase.TALKING
    assert calls.line("^CEND:1,9,29,16", 3.0) == [Ended(None)]


def test_an_end_that_names_no_call_is_looked_up_while_another_waits() -> None:
    calls = talking()
    calls.line('+CCWA: "09087654321",129,1', 1.0)
    assert calls.line("NO CARRIER", 2.0) == []
    assert calls.tick(2.0) == [ListCalls()]
    assert calls.rows(rows(ROW.format(1, 0)), 2.0) == []
    assert kinds(calls.line("NO CARRIER", 3.0)) == []
    assert calls.rows([], 3.0) == [Ended(None)]


def test_a_call_that_comes_in_while_we_dial_is_not_ours() -> None:
    calls = GsmCalls("JP", lists=False)
    calls.dials(0.0)
    calls.dialled("OK", 0.0)
    assert calls.line("RING", 1.0) == []
    assert calls.line(OTHER_CLIP, 1.0) == [Waiting(OTHER)]
    assert calls.line('+CLCC: 1,0,3,0,0,"0901",129', 2.0) == [Alerting()]


def test_a_caller_who_takes_the_place_of_one_who_left_while_we_answered_is_his_own_call() -> None:
    calls = GsmCalls("JP", lists=False)
    calls.line(CLIP, 0.0)
    calls.answers(0.1)
    assert calls.line(OTHER_CLIP, 0.2) == [Ended(None), Incoming(OTHER, 0.2)]


# --- hanging up ---------------------------------------------------------------------------------------------------


def test_what_is_said_of_a_call_that_we_hang_up_starts_no_new_one() -> None:
    calls = GsmCalls("JP", lists=False)
    calls.line(CLIP, 0.0)
    calls.hangs_up()
    for late in ("RING", CLIP, WITHHELD):
        assert calls.line(late, 0.1) == []
    calls.hung_up()
    assert calls.phase is Phase.IDLE
    assert calls.line("NO CARRIER", 0.2) == []
    assert kinds(calls.line("RING", 3.0)) == []
    assert calls.line(CLIP, 3.1) == [Incoming(MOBILE, 3.1)]


def test_late_progress_of_a_call_that_we_gave_up_starts_no_new_one() -> None:
    calls = GsmCalls("JP", lists=False)
    calls.dials(0.0)
    calls.dialled("OK", 0.1)
    calls.hangs_up()
    for late in (ROW.format(0, 3), ROW.format(0, 0), ROW.format(0, 6), "NO CARRIER"):
        assert calls.line(late, 0.2) == []
    assert calls.phase is Phase.IDLE


def test_the_next_caller_is_heard_while_we_hang_up() -> None:
    calls = talking(lists=False)
    calls.hangs_up()
    assert calls.line(OTHER_CLIP, 1.0) == [Incoming(OTHER, 1.0)]
    calls.hung_up()
    assert calls.phase is Phase.RINGING


def test_an_end_out_of_the_blue_means_nothing() -> None:
    calls = GsmCalls("JP")
    for line in ("NO CARRIER", "VOICE CALL: END: 000003", "^CEND:1,0,29,16", "MISSED_CALL: 1", "HANGUP: 1"):
        assert calls.line(line, 0.0) == []


def test_ours_is_not_told_for_lines_about_other_things() -> None:
    calls = GsmCalls("JP")
    for line in ("+CSQ: 20,99", "^RSSI:19", "+CREG: 1", '+CMTI: "SM",1', '+CLCC: 1,1,0,1,0,"",128', "OK", "RINGO"):
        assert calls.line(line, 0.0) is None
    assert calls.deadline is None


def test_dialling_is_told_where_a_stream_was_recorded_by_somebody_else() -> None:
    calls = GsmCalls("JP", lists=False, clocked=False)
    assert calls.line("^ORIG:1,0", 0.0) == [Dialling()]


# --- +CLIP as raw bytes -------------------------------------------------------------------------------------------

RAW_CLIPS: list[tuple[bytes, CallerId]] = [
    (b'"+819012345678",145,"",0,"",0', MOBILE),
    (b'"09012345678",129,,,"ALPHA",0', MOBILE),
    (b'"09012345678",129', MOBILE),
    (b'"+819012345678",145,"",0,"\xc0\xdb\xb3, (1)",0', MOBILE),
    (b'"",128,"",0,"",1', Withheld("P")),
    (b'"",128,,,,1', Withheld("P")),
    (b'"",128,"",128,"",1', Withheld("P")),
    (b'"",128,"",,"",0', Withheld("O")),
    (b'"+819012345678",145,,,,1', Withheld("P")),
    (b'"",128,,,,2', Withheld("O")),
    (b'"",128,,,,3', Withheld("C")),
    (b'"",128,,,,4', Withheld("?")),
    (b'"0901234\x105678",129', Withheld("?")),  # a stray DLE: a digit may be missing
    (b'"0901234\xff5678",129', Withheld("?")),
]
ENDS = (b"\r\n", b"\r\r\n")


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(("clip", "caller"), RAW_CLIPS)
def test_every_row_of_clip_is_one_call_at_every_split(clip: bytes, caller: CallerId, end: bytes) -> None:
    wire = end + b"RING" + end + end + b"+CREG: 1" + end + end + b"+CLIP: " + clip + end
    for size in range(1, len(wire) + 1):
        calls, stream = GsmCalls("JP"), CommandStream()
        told: list[GsmEvent] = []
        for at in range(0, len(wire), size):
            for event in stream.receive(wire[at : at + size]):
                if isinstance(event, Unsolicited):
                    told += kinds(calls.line(event.text, 0.1))
        assert told == [Incoming(caller, 0.1)], size
