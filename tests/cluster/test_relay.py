"""A relay with an engine whose stations say what a test has them say."""

import time

import numpy as np
import pytest

from a3c.cluster import relay as relay_module
from a3c.cluster.delivery import Delivery, Lost
from a3c.cluster.relay import Relay
from a3c.environments.spaces import Layout
from a3c.errors import WorkerError
from a3c.roles.messages import Report, Task
from a3c.rollout.segment import Segment
from a3c.sharing.exchange import make_exchange
from a3c.sharing.parameter_store import ParameterStore
from configs_for_tests import config_with

LAYOUT = Layout((1,), np.dtype(np.float32), (), np.dtype(np.int64), ())


def delivery(number=0, change=(0.0, 0.0), steps=10, updates=1, **more):
    counts = {"steps": steps, "episodes": 0, "updates": updates}
    return Delivery(
        number, "there", 2, counts, np.empty(0), time.monotonic(), change=np.array(change, np.float32), **more
    )


class Engine:
    """`says` gives the answers of each station that is started, one after the other; then it says nothing new."""

    def __init__(self, *says, places=("a", "b")):
        self.says, self.the_places = [list(answers) for answers in says], list(places)
        self.started, self.killed, self.asked, self._open = [], [], [], []

    def places(self):
        return self.the_places

    def start(self, place, versions, task):
        self.started.append(place)
        return len(self.started)

    def exchange(self, station, snapshot, news):
        self.asked.append((station, snapshot, news))
        self._open.append((station, news))

    def wait(self, timeout):
        ready, self._open = self._open, []
        return [(station, self._answer(station, news)) for station, news in ready]

    def _answer(self, station, news):
        says = self.says[station - 1] if station <= len(self.says) else []
        if says:
            return says.pop(0)
        return delivery(steps=0, updates=0, ended=news.ends or news.totals["steps"] >= 1000)

    def kill(self, station):
        self.killed.append(station)

    def put(self, snapshot):
        return snapshot


@pytest.fixture
def relaying(monkeypatch):
    """A relay on a store of two parameters, with delays that a test can wait for; what it sends is in `sent`."""
    monkeypatch.setattr(relay_module, "FIRST_DELAY", 0.01)

    def make(engine, **settings):
        config = config_with(cluster="pipes", **{"steps": 1000, "stations": 1, "sync_interval": 1e-3} | settings)
        store = ParameterStore(np.zeros(2, np.float32), np.zeros((0, 2), np.float32), 2 + config.station_count)
        task = Task(0, config, store, np.random.SeedSequence(0), make_exchange(config, LAYOUT, store))
        sent = []
        relay = Relay(task, b"", sent.append, engine)
        for slot in relay._slots:
            slot.delay = 0.01
        return relay, store, sent

    return make


def test_what_is_delivered_is_counted_and_added_once(relaying):
    engine = Engine([delivery(change=(1.0, 2.0), steps=600), delivery(change=(0.5, 0.0), steps=400)])
    relay, store, _ = relaying(engine)
    relay.run()
    assert store.totals() == {"steps": 1000, "episodes": 0, "updates": 2}
    np.testing.assert_array_equal(store.parameters, [1.5, 2.0])
    assert engine.killed == [1]


def test_a_station_that_is_lost_is_replaced_and_told_of(relaying):
    engine = Engine([delivery(steps=600), Lost("it was killed")], [delivery(steps=400)])
    relay, store, sent = relaying(engine)
    relay.run()
    assert engine.started == ["a", "a"]
    assert store.total("steps") == 1000
    told = [(mishap.event, mishap.what) for report in sent for mishap in report.mishaps]
    began = ("station began", "there, 2 workers")
    assert told == [began, ("station lost", "it was killed"), began]
    (station,) = relay._stations.figures()
    assert (station.host, station.restarts, station.steps) == ("there", 1, 1000)


def test_too_many_losses_end_the_run(relaying):
    relay, _, _ = relaying(Engine([Lost("it was killed")], [Lost("it was killed")]), station_restarts=1)
    with pytest.raises(WorkerError, match="1 were replaced before it: see to the machines, or raise"):
        relay.run()


def test_what_would_fail_elsewhere_too_ends_the_run(relaying):
    relay, _, _ = relaying(Engine([Lost("jax is another here", final=True)]))
    with pytest.raises(WorkerError, match="station 0 failed: jax is another here"):
        relay.run()


def test_no_station_for_long_ends_the_run(relaying, monkeypatch):
    monkeypatch.setattr(relay_module, "NONE_FOR", 0.05)
    relay, _, _ = relaying(Engine(places=()))
    with pytest.raises(WorkerError, match="there has been no station"):
        relay.run()


def test_a_machine_that_joins_is_used(relaying):
    engine = Engine([delivery(steps=500)], [delivery(1, steps=500)], places=("a",))
    relay, store, _ = relaying(engine, stations=2)
    join = engine.exchange

    def exchange(*question):
        engine.the_places = ["a", "b"]
        join(*question)

    engine.exchange = exchange
    relay.run()
    assert engine.started == ["a", "b"]
    assert store.total("steps") == 1000


def test_the_lag_of_what_a_station_learned_counts_the_updates_of_others_since(relaying):
    """Station 0 delivers an update; station 1 one that was computed before it knew of that."""
    reports = [Report(1, updates=1, lag=2.0)]
    engine = Engine([delivery(steps=500)], [delivery(1, steps=500, reports=reports)])
    relay, _, sent = relaying(engine, stations=2)
    relay.run()
    (report,) = [report for report in sent if report.updates]
    assert (report.worker, report.relay, report.lag) == (1, 0, 3.0)


def test_a_change_that_is_not_finite_is_not_made(relaying):
    relay, store, _ = relaying(Engine([delivery(change=(np.nan, 1.0)), delivery(change=(1.0, 1.0), steps=1000)]))
    relay.run()
    np.testing.assert_array_equal(store.parameters, [1.0, 1.0])
    assert store.setbacks.skipped == 1


def test_all_are_told_to_end_when_the_run_stops(relaying):
    engine = Engine([delivery()])
    relay, store, _ = relaying(engine)
    ask = engine.exchange

    def exchange(station, snapshot, news):
        store.stop()
        ask(station, snapshot, news)

    engine.exchange = exchange
    relay.run()
    assert engine.asked[-1][2].ends
    assert engine.killed == [1]


def test_a_station_is_asked_when_the_learner_has_room_for_what_it_has(relaying):
    """One segment may wait for the learner."""
    engine = Engine()
    relay, _, _ = relaying(engine, algorithm="impala", sync_interval=None, min_batch=1)
    queue = relay._exchange.queue
    queue.put(Segment.zeros(relay._config, relay._config.environments_each, LAYOUT), version=0)
    relay._begin_missing()
    relay._ask()
    assert engine.asked == []
    assert queue.get(1, 0.0) is not None
    relay._slots[0].due = 0.0
    relay._ask()
    assert len(engine.asked) == 1


def test_nothing_is_taken_from_stations_until_all_that_began_have_something(relaying):
    """Station 0 has collected at its second answer, station 1 at its third."""
    none, some = {"steps": 0, "updates": 0}, {"steps": 400, "updates": 0}
    first = [delivery(**none), delivery(**some), delivery(**none), delivery(**none), delivery(**some)]
    engine = Engine(first, [delivery(1, **none), delivery(1, **none), delivery(1, **some)])
    relay, _, _ = relaying(engine, algorithm="impala", stations=2, sync_interval=None)
    relay.run()
    assert [news.most > 0 for station, _, news in engine.asked if station == 2][:4] == [False, False, False, True]
    taken = [number for number, (_, _, news) in enumerate(engine.asked) if news.most]
    begun = [number for number, (station, _, _) in enumerate(engine.asked) if station == 2][2]
    assert min(taken) > begun


def test_a_station_that_takes_long_to_begin_is_not_waited_for(relaying, monkeypatch):
    monkeypatch.setattr(relay_module, "TOGETHER_WITHIN", 0.0)
    engine = Engine([delivery(steps=500, updates=0), delivery(steps=500, updates=0)])
    relay, _, _ = relaying(engine, algorithm="impala", stations=2, sync_interval=None)
    relay.run()
    assert [news.most > 0 for station, _, news in engine.asked if station == 1][:2] == [False, True]
