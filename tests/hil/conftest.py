"""On the bench these tests run on the virtual clock, as all do; on a rig on the real one, or on that of its ports."""

import inspect
import os

import pytest
import rig_file
from pacing import run_at_a_speed_that_holds

from gateway.errors import GatewayError

REAL = rig_file.VARIABLE in os.environ


def pytest_configure() -> None:
    """A wrong file is told before anything is rung."""
    try:
        rig_file.chosen()
    except GatewayError as error:
        pytest.exit(str(error), returncode=1)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not REAL or not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    run_at_a_speed_that_holds(lambda: pyfuncitem.obj(**wanted))
    return True


@pytest.fixture
def bench_only() -> None:
    """For tests of the program alone, which need no line."""
    if REAL:
        pytest.skip("needs no line: it runs in make test")
