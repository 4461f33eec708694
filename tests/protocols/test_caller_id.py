"""Caller ID: a number only where every statement about the call gives the same valid one (promise 5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.numbers import CallerId, PhoneNumber, Withheld
from gateway.protocols.caller_id import CallerIdReader, caller_of, read_line

MOBILE = PhoneNumber("+819012345678")


def said(*lines: str, region: str = "JP") -> CallerId | None:
    reader = CallerIdReader(region)
    for line in lines:
        if field := read_line(line):
            reader.read(field)
    return reader.caller


def hexadecimal(*message: int) -> str:
    return bytes([*message, -sum(message) % 256]).hex().upper()


def sdmf(number: str) -> str:
    body = b"01061415" + number.encode()
    return hexadecimal(0x04, len(body), *body)


def mdmf(*parameters: tuple[int, str]) -> str:
    body = b"".join(bytes([kind, len(value)]) + value.encode() for kind, value in parameters)
    return hexadecimal(0x80, len(body), *body)


@pytest.mark.parametrize("tag", ["NMBR", "DDN_NMBR", "DDN", "NBR", "nmbr"])
@pytest.mark.parametrize("equals", ["=", " = ", " =", "= "])
def test_every_tag_and_spacing_gives_the_number(tag: str, equals: str) -> None:
    assert said(f"{tag}{equals}09012345678") == MOBILE


@pytest.mark.parametrize(
    ("value", "region", "expected"),
    [
        ("090-1234-5678", "JP", "+819012345678"),
        ("18609012345678", "JP", "+819012345678"),
        ("+819012345678", "JP", "+819012345678"),
        ("01012125550123", "JP", "+12125550123"),
        ("2125550123", "US", "+12125550123"),
        ("02079460123", "GB", "+442079460123"),
    ],
)
def test_a_number_is_read_as_its_line_writes_it(value: str, region: str, expected: str) -> None:
    assert said(f"NMBR = {value}", region=region) == PhoneNumber(expected)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        *[(letter, letter) for letter in "POCS"],
        ("A", "P"),
        ("X", "?"),
        ("p", "P"),
        ("PRIVATE", "P"),
        ("Private", "P"),
        ("RESTRICTED", "P"),
        ("WITHHELD", "P"),
        ("ANONYMOUS", "P"),
        ("OUT OF AREA", "O"),
        ("OUT-OF-AREA", "O"),
        ("UNAVAILABLE", "O"),
        ("0000000000", "O"),
        ("", "O"),
        ("090123", "?"),
        ("0901234567890123456789", "?"),
        ("0901234O678", "?"),
        ("09012345678 P", "?"),
        ("09012\x10345678", "?"),
        ("caller", "?"),
    ],
)
def test_what_is_no_valid_number_is_withheld_with_its_reason(value: str, reason: str) -> None:
    assert said(f"NMBR = {value}") == said(f"NMBR={value}") == Withheld(reason)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "lines",
    [
        ("DATE = 0106", "TIME = 1415", "NMBR = 09012345678", "NAME = TARO"),
        ("DATE TIME=01/06 14:15", "NMBR=09012345678"),
        ("DATE =", "TIME = 14155", "NMBR = 09012345678", "NAME ="),
        ("NAME = \x83^\x83\x8d\x83E", "DATE = 0106", "TIME = 1415", "NMBR = 09012345678"),
        ("MESG = 060150", "DATE = 0106", "NMBR = 09012345678", "NAME = P"),
        ("NAME = NMBR = 0312345678", "NMBR = 09012345678"),
        ("NMBR = 09012345678", "DDN_NMBR = 0901234 5678"),
        ("NMBR = 09012345678", "NMBR = 09012345678"),
        ("09012345678",),
        ("090-1234-5678",),
        (sdmf("09012345678"),),
        (sdmf("09012345678").lower(),),
        (mdmf((1, "01061415"), (2, "09012345678"), (7, "TARO")),),
        (mdmf((7, "TARO"), (2, "09012345678"), (0x11, "\x01")),),
    ],
)
def test_every_form_gives_the_number(lines: tuple[str, ...]) -> None:
    assert said(*lines) == MOBILE


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (("NMBR = 09012345678", "NMBR = O"), "O"),
        (("NMBR = 09012345678", "NAME = TARO", "NMBR = P"), "P"),
        (("NMBR = 09012345678", "O"), "O"),
        (("NMBR = 09012345678", "\x83\xffNMBR = O"), "?"),
        (("NMBR = O", "NMBR = 09012345678"), "O"),
        (("NMBR = 09012345678", "NMBR = 0312345678"), "?"),
        (("NMBR = 09012345678", "DDN_NMBR = P"), "P"),
        (("NMBR = 09012345678", "NMBR ="), "O"),
        (("PRIVATE",), "P"),
        (("OUT OF AREA",), "O"),
        (("P",), "P"),
        ((sdmf("P"),), "P"),
        ((sdmf("09012345678"), sdmf("O")), "O"),
        ((sdmf("09012345678")[:-2] + "00",), "?"),
        ((sdmf("09012345678")[:-2],), "?"),
        ((mdmf((1, "01061415"), (4, "C")),), "C"),
        (
            (
                mdmf(
                    (4, "S"),
                ),
            ),
            "S",
        ),
        ((mdmf((2, "09012345678"), (4, "P")),), "P"),
        ((mdmf((4, "P"), (2, "09012345678")),), "P"),
        ((mdmf((2, "09012345678"), (2, "0312345678")),), "?"),
        ((mdmf((4, "09012345678")),), "?"),
        ((hexadecimal(0x80, 12, 2, 11, *b"0901234567"),), "?"),
        ((hexadecimal(0x80, 3, 7, 1, 0x41, *b"0901234567890"),), "?"),
    ],
)
def test_what_is_masked_torn_or_contradictory_is_no_number(lines: tuple[str, ...], reason: str) -> None:
    assert said(*lines) == Withheld(reason)  # type: ignore[arg-type]


def test_the_number_called_in_a_raw_message_is_not_the_caller() -> None:
    assert said(mdmf((1, "01061415"), (3, "0312345678"))) is None


@pytest.mark.parametrize("line", ["OK", "5601", "56000", "336xx", "RING", "CONNECT", "128,8000", "NMBR", "TIME 12"])
def test_other_lines_are_not_caller_id(line: str) -> None:
    assert read_line(line) is None


@pytest.mark.parametrize(
    ("lines", "complete"),
    [
        (("NMBR = 09012345678",), False),
        (("NAME = TARO",), False),
        (("NMBR = 09012345678", "NAME = TARO"), True),
        (("NAME = TARO", "NMBR = 09012345678"), True),
        (("DATE = 0106", "TIME = 1415", "NMBR = P"), False),
        ((sdmf("09012345678"),), True),
    ],
)
def test_it_is_complete_when_nothing_more_is_to_come(lines: tuple[str, ...], complete: bool) -> None:
    reader = CallerIdReader("JP")
    for line in lines:
        field = read_line(line)
        assert field is not None
        reader.read(field)
    assert reader.complete == complete


@given(st.text(st.characters(max_codepoint=255), max_size=60), st.sampled_from(["JP", "US", "GB"]))
def test_any_value_is_read_without_a_stumble(value: str, region: str) -> None:
    caller_of(value, region)
    said(value, f"NMBR = {value}", f"80{value}", region=region)


@given(st.binary(min_size=8, max_size=40))  # shorter ones could be bare numbers
def test_noise_in_a_raw_message_never_gives_another_number(noise: bytes) -> None:
    good = bytes.fromhex(mdmf((1, "01061415"), (2, "09012345678")))
    for wire in (noise, good[:8] + noise, noise + good):
        assert said("80" + wire.hex()) in (None, Withheld("?"))
