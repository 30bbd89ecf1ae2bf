"""The models collect garbage again and again: of what they made, and not of all that the tests before them have left."""

import gc

import pytest


@pytest.fixture(autouse=True)
def nothing_older_is_looked_at():
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
