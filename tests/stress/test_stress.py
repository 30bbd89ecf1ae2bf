"""A little of every scenario; `python -m tests.stress --minutes 10` is the whole of it."""

import pytest

from . import scenarios
from .threads import Turns


@pytest.mark.parametrize("scenario", scenarios.ALL, ids=lambda scenario: scenario.__name__)
def test_threads_do_not_harm_each_other(scenario):
    scenario(Turns(number=300), seed=1)
