import pytest
from a3c.parallel import duties, tokens


@pytest.fixture
def looking_often(monkeypatch):
    """Those who wait, and the threads that do duties, look every two milliseconds whether there is an end to it."""
    monkeypatch.setattr(tokens, "LOOK_UP_EVERY", 0.002)
    monkeypatch.setattr(duties, "LOOK_UP_EVERY", 0.002)
