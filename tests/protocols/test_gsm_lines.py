"""Every form of +CLIP and of call rows: a number only where it may be used, and the right reason where not."""

import pytest

from gateway.numbers import CallerId, PhoneNumber, Withheld
from gateway.protocols.gsm_lines import (
    CallRow,
    CallState,
    fields,
    read_ccinfo,
    read_ccwa,
    read_clcc,
    read_clip,
    read_dsci,
    read_key,
)

MOBILE = PhoneNumber("+819012345678")
DUTCH = PhoneNumber("+31201234567")

CLIPS: list[tuple[str, CallerId]] = [
    ('"",128,"",0,"",1', Withheld("P")),  # SIM800
    ('"",128,,,,1', Withheld("P")),  # Huawei MU509, EC25/EG25, SIM7600
    ('"",128,"",128,"",1', Withheld("P")),  # Telit
    ('"",128,"",,"",0', Withheld("O")),  # seen in the field: empty, and yet validity 0
    ('"+819012345678",145,,,,1', Withheld("P")),  # Cinterion: there, but not to be used
    ('"",128,,,,2', Withheld("O")),
    ('"",128,,,,3', Withheld("C")),
    ('"",128,,,,4', Withheld("?")),
    ('"09012345678",129,,,,2', Withheld("O")),
    ('"09012345678",129,,,,9', Withheld("?")),
    ('"+31201234567",145,"",0,"",0', DUTCH),  # SIM800
    ('"09012345678",129,,,"ALPHA",0', MOBILE),  # EC25
    ('"09012345678",129', MOBILE),
    ('"09012345678",161', MOBILE),
    ('"819012345678",145', MOBILE),  # international without its +
    ('"442079460123",145', PhoneNumber("+442079460123")),
    ('"442079460123",129', Withheld("?")),
    ('"+819012345678",145,"",0,"TARO, \xb6\xc5 (3)",0', MOBILE),
    ('"+819012345678",145,,,"TARO"', MOBILE),
    ("09012345678,129", MOBILE),  # without quotation marks
    ('"09012345678",129,"",0,1', Withheld("P")),  # no name at all: validity comes fifth
    ('"09012345678",129,"",0,0', MOBILE),
    ("", Withheld("?")),
    ('""', Withheld("?")),
    ('"09012345678', Withheld("?")),
    ('"0901234\xff678",129', Withheld("?")),
    ('"withheld",128', Withheld("?")),
    ('"0901",129', Withheld("?")),
    ('"09012345678",129,"",0,"",0,1,1', Withheld("?")),
]


@pytest.mark.parametrize(("text", "caller"), CLIPS)
def test_every_row_of_clip_is_read(text: str, caller: CallerId) -> None:
    assert read_clip(f"+CLIP: {text}", "JP") == caller
    assert read_clip(f"+CLIP:{text}", "JP") == caller


def test_only_clip_is_clip() -> None:
    assert read_clip('+CLCC: 1,1,4,0,0,"09012345678",129', "JP") is None
    assert read_ccwa('+CLIP: "09012345678",129', "JP") is None


def test_a_waiting_call_has_its_validity_in_another_place() -> None:
    assert read_ccwa('+CCWA: "09012345678",129,1', "JP") == MOBILE
    assert read_ccwa('+CCWA: "",128,1,"",1', "JP") == Withheld("P")
    assert read_ccwa('+CCWA: "09012345678",129,1,,0', "JP") == MOBILE


def test_rows_of_calls_are_read_and_data_calls_told_apart() -> None:
    assert read_clcc('+CLCC: 1,0,2,0,0,"09012345678",129', "JP") == CallRow(1, False, CallState.DIALLING, True, MOBILE)
    assert read_clcc('+CLCC: 2,1,4,0,0,"",128,"",0,1', "JP") == CallRow(
        2, True, CallState.INCOMING, True, Withheld("P")
    )
    assert read_clcc('+CLCC: 1,1,0,0,0,"+819012345678",145,""', "JP") == CallRow(
        1, True, CallState.ACTIVE, True, MOBILE
    )
    assert read_clcc('+CLCC: 1,1,0,1,0,"",128', "JP") == CallRow(1, True, CallState.ACTIVE, False, None)
    assert read_clcc("+CLCC: 1,0,3,0,0", "JP") == CallRow(1, False, CallState.ALERTING, True, None)


@pytest.mark.parametrize("text", ["", "1,0", "1,0,8,0,0", "x,0,0,0,0", '1,0,"'])
def test_a_row_that_makes_no_sense_is_none(text: str) -> None:
    assert read_clcc(f"+CLCC: {text}", "JP") is None


def test_quectels_rows_have_their_own_states() -> None:
    info = '+QIND: "ccinfo",2,1,{},0,0,"09012345678",129'
    assert read_ccinfo(info.format(4), "JP") == CallRow(2, True, CallState.INCOMING, True, MOBILE)
    assert read_ccinfo(info.format(-1), "JP") == CallRow(2, True, CallState.ENDED, True, MOBILE)
    assert read_ccinfo('+QIND: "csq",20,99', "JP") is None
    states = {
        2: CallState.DIALLING,
        3: CallState.ACTIVE,
        4: CallState.INCOMING,
        6: CallState.ENDED,
        7: CallState.ALERTING,
    }
    for number, state in states.items():
        assert read_dsci(f"^DSCI: 1,0,{number},0,09012345678,129", "JP") == CallRow(1, False, state, True, MOBILE)


def test_fields_keep_what_stands_in_quotation_marks() -> None:
    assert fields(' 1, "a,b" ,,"" ') == ["1", '"a,b"', "", '""']
    assert fields("1,") == ["1", ""]
    assert fields('1,"a') is None


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("+QTONEDET: 56", "8"),
        ("+QTONEDET: 35", "#"),
        ("+DTMF:5", "5"),
        ("+DTMF: *", "*"),
        ("+RXDTMF: 5", "5"),
        ("^DDTMF: 0", "0"),
        ("+QTONEDET: 300", None),
        ("+DTMF: x", None),
    ],
)
def test_keys_that_the_modem_heard(text: str, key: str | None) -> None:
    assert read_key(text) == key
