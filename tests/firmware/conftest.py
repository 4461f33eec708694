"""`make image-test` prints what each check took."""

import os

import pytest

PROVED: list[tuple[str, float]] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    report = yield
    if os.environ.get("GATEWAY_IMAGE_TEST") == "1" and report.when == "call":
        outcome = "" if report.passed else f"  {report.outcome}"
        PROVED.append((item.name.removeprefix("test_").replace("_", " ") + outcome, report.duration))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if PROVED:
        terminalreporter.section("the image under emulation")
        for name, took in PROVED:
            terminalreporter.write_line(f"{took:7.1f} s  {name}")
