"""Where processes wait until the main process lets them go on."""

import threading

import numpy as np
import pytest

from a3c.processes.tokens import Stopped
from a3c.sharing.course import Gate
from a3c.sharing.parameter_store import ParameterStore


@pytest.fixture
def store():
    return ParameterStore(np.zeros(2, np.float32), np.zeros((1, 2), np.float32), 2, shared=False)


def test_who_waits_goes_through_once_for_each_time_that_it_is_opened(store):
    gate, went = Gate(2, store), []

    def wait():
        for _ in range(2):
            gate.wait(1)
            went.append(1)

    waiting = threading.Thread(target=wait)
    gate.open([0])
    waiting.start()
    gate.wait(0)
    assert went == []
    gate.open([1])
    while not went:
        pass
    assert waiting.is_alive()
    gate.open()
    waiting.join()
    gate.wait(0)
    assert went == [1, 1]


def test_nobody_waits_when_the_run_stops(store):
    store.stop()
    with pytest.raises(Stopped):
        Gate(1, store).wait(0)
