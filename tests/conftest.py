"""An ``async def test_…`` runs on a virtual clock, which jumps to the next timer when nothing is left to do.

Hypothesis counts no milliseconds: on a busy machine they would be luck.
"""

import inspect

import hypothesis
import pytest

from gateway import clock

hypothesis.settings.register_profile("gateway", deadline=None)
hypothesis.settings.load_profile("gateway")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = pyfuncitem._fixtureinfo.argnames
    clock.run_virtual(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True
