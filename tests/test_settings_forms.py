"""What a setting's value may look like, and what may not."""

import pytest

from gateway.errors import SettingsError
from gateway.settings_file import convert
from gateway.settings_forms import E164, Address, Country, Name, Positive, Prefix


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        (Address, ["tcp://*:5810", "tcp://127.0.0.1:*", "tcp://[::1]:5810"], ["127.0.0.1:1", "udp://a:1", "tcp://a"]),
        (E164, ["+819012345678", "+12125550123"], ["09012345678", "+0123456789", "+81", "+81 90 1234 5678"]),
        (Prefix, ["+8", "+8190"], ["8190", "+", "+81x"]),
        (Name, ["a", "line-1_b"], ["A", "-a", "", "a b", "x" * 33]),
        (Country, ["JP"], ["jp", "JPN", ""]),
        (Positive, [0.1, 600], [0, -1, float("inf"), float("nan")]),
    ],
)
def test_a_value_of_another_form_is_refused(form: type, good: list[object], bad: list[object]) -> None:
    for value in good:
        assert convert(value, form, "x") == value
    for value in bad:
        with pytest.raises(SettingsError):
            convert(value, form, "x")
