"""Callbacks: functions and classes that see a training, act with it as it is now, log, save and stop."""

import copy
import dataclasses
import json
import math
import pickle

import jax.numpy as jnp
import numpy as np
import pytest
from small_agents import BATCH, OBSERVATION, cartpole

import a3c
from a3c import A3C, Callback, RandomAgent
from a3c.errors import SettingsError
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import RunFolder
from a3c.runs.metrics import METRIC_COLUMNS, read_rows
from a3c.training.progress import Progress

SMALL = {"envs_per_worker": 2, "segment_length": 8, "hidden": (4,), "log": ()}


def small(environment="CartPole-v1", agent=RandomAgent, **settings):
    """One that learns nothing unless told otherwise, as it compiles nothing."""
    return agent(environment, **{"recipe": "none", "backend": "inline", "seed": 1} | SMALL | settings)


class Notes(Callback):
    """Notes every event: its name, the steps at that moment, and what else it was given."""

    def __init__(self):
        self.seen = []

    def on_start(self, training):
        self.seen.append(("start", training.steps, None))

    def on_report(self, training):
        self.seen.append(("report", training.steps, None))

    def on_episodes(self, training, episodes):
        self.seen.append(("episodes", training.steps, episodes))

    def on_checkpoint(self, training, path):
        self.seen.append(("checkpoint", training.steps, Checkpoint.load(path).counts["steps"]))

    def on_end(self, training):
        self.seen.append(("end", training.steps, None))


def column(folder, name):
    """What stands in that column of a run's metrics.csv."""
    header = folder.metrics_path.read_text().splitlines()[0].split(",")
    return [row[header.index(name)] for row in read_rows(folder.metrics_path)]


def test_a_training_has_all_of_progress_and_a_row_by_name():
    seen = []
    result = small(agent=A3C, report_interval=0.001).learn(steps=160, callback=seen.append)
    for training in seen:
        assert isinstance(training, Progress)
        assert training.line().startswith(f"{training.steps:,} steps")
        assert training.progress.keys() >= set(METRIC_COLUMNS)
        assert training.progress["updates"] == training.updates
        assert math.isfinite(training.progress["loss"])
        assert training.config.steps == 160
        assert (
            json.loads(json.dumps(dataclasses.asdict(training)))["steps"] == vars(training)["steps"] == training.steps
        )
    steps = [training.steps for training in seen]
    assert steps == sorted(steps)
    assert steps[0] < steps[-1]
    assert steps[-1] == result.summary["steps"]
    assert "\n" not in repr(seen[0])
    with pytest.raises(AttributeError):
        seen[0].steps = 3
    with pytest.raises(TypeError):
        seen[0].progress["loss"] = 3


def test_events_come_in_order(tmp_path):
    notes = Notes()
    result = small(report_interval=0.001).learn(steps=400, run=tmp_path / "run", callback=notes)
    names = [name for name, _, _ in notes.seen]
    assert names[0] == "start"
    assert names[-3:] == ["report", "checkpoint", "end"]
    assert (names.count("start"), names.count("end")) == (1, 1)
    steps = [steps for _, steps, _ in notes.seen]
    assert steps[0] == 0
    assert steps == sorted(steps)
    assert notes.seen[-2][1:] == (result.summary["steps"],) * 2
    episodes = [episode for name, _, batch in notes.seen if name == "episodes" for episode in batch]
    rows = read_rows(RunFolder(tmp_path / "run").episodes_path, ("return", "length", "step", "worker"))
    assert [list(map(float, row)) for row in rows] == [list(episode) for episode in episodes]
    assert len(episodes) == result.summary["episodes"] > 0
    assert all(batch for name, _, batch in notes.seen if name == "episodes")


def test_checkpoints_are_told_of_when_they_are_due(tmp_path):
    notes = Notes()
    agent = small(report_interval=0.001, checkpoint_interval=0.001, checkpoint_steps=0)
    agent.learn(steps=160, run=tmp_path / "run", callback=notes)
    saved = [(now, in_file) for name, now, in_file in notes.seen if name == "checkpoint"]
    assert len(saved) > 2
    assert all(now == in_file for now, in_file in saved)
    notes.seen.clear()
    small().learn(steps=64, callback=notes)
    assert "checkpoint" not in {name for name, _, _ in notes.seen}


def test_several_are_all_called_and_one_may_stop():
    notes, calls = Notes(), []
    small().learn(steps=64, callback=[notes, lambda training: calls.append(training.steps)])
    assert calls == [steps for name, steps, _ in notes.seen if name == "report"]

    class Enough(Callback):
        def on_report(self, training):
            return training.steps < 100

    notes.seen.clear()
    result = small(report_interval=0.001).learn(steps=10**9, callback=(Enough(), notes))
    assert result.summary["status"] == "finished"
    assert result.stop_reason == "a callback returned False"
    assert 100 <= result.summary["steps"] < 10_000
    assert notes.seen[-1][:2] == ("end", result.summary["steps"])


@pytest.mark.parametrize("false", [np.bool_(False), np.array(False), jnp.bool_(False)], ids=repr)
def test_a_false_of_numpy_stops_too(false):
    result = small(report_interval=0.001).learn(steps=10_000, callback=lambda training: false)
    assert result.stop_reason == "a callback returned False"


@pytest.mark.parametrize("other", [0, None, np.bool_(True), np.float32(0), np.array([False, False])], ids=repr)
def test_nothing_else_stops(other):
    result = small(report_interval=0.001).learn(steps=160, callback=lambda training: other)
    assert result.stop_reason is None


async def awaited(training):
    return False


def yielding(training):
    yield False


class Awaited(Callback):
    async def on_end(self, training):
        pass


NOTHING = "would do nothing when it is called, as it is async or has a yield: give an ordinary function"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (awaited, f"callback: awaited {NOTHING}"),
        (yielding, f"callback: yielding {NOTHING}"),
        ([Awaited()], f"callback: Awaited.on_end {NOTHING}"),
        ("print", "callback: p is neither a function nor a Callback"),
        ([len, 3], "callback: 3 is neither a function nor a Callback"),
        (Notes, "callback: Notes is a class; give one of it, Notes()"),
    ],
    ids=["async", "yield", "async method", "text", "number", "class"],
)
def test_what_is_no_callback_is_refused_before_anything_is_written(tmp_path, given, message):
    agent = small()
    with pytest.raises(SettingsError) as refused:
        agent.learn(steps=64, run=tmp_path / "run", callback=given)
    assert str(refused.value) == message
    assert list(tmp_path.iterdir()) == []


def test_stop_says_why(tmp_path):
    def stop(training):
        training.stop("it is good enough")
        training.stop("not this one")

    result = small().learn(steps=10**9, run=tmp_path / "run", callback=stop)
    assert (result.summary["status"], result.stop_reason) == ("finished", "it is good enough")
    assert RunFolder(tmp_path / "run").summary()["stop_reason"] == "it is good enough"
    assert small().learn(steps=64).stop_reason is None


def test_a_reason_that_is_no_text_is_refused():
    with pytest.raises(SettingsError, match=r"^stop: the reason is None, but must be text that says why$"):
        small().learn(steps=64, callback=lambda training: training.stop(None))


def test_a_run_that_is_stopped_at_its_start_takes_no_step():
    class Never(Callback):
        def on_start(self, training):
            training.stop("not today")

    result = small(backend="processes", workers=1).learn(steps=64, callback=Never())
    assert (result.summary["status"], result.summary["steps"]) == ("finished", 0)
    assert result.stop_reason == "not today"


def test_own_columns_begin_with_the_next_row(tmp_path):
    class Logging(Callback):
        def __init__(self):
            self.calls = 0

        def on_report(self, training):
            self.calls += 1
            if self.calls == 2:
                training.log("mine/one", 1.5)
                training.log("count", np.int64(1234567))
            if self.calls > 2:
                assert training.progress["mine/one"] == 1.5
                assert training.progress["calls"] == self.calls - 1
            training.log("calls", self.calls)

        def on_end(self, training):
            assert math.isnan(training.log("last", math.nan) or math.nan)
            training.log("jax", jnp.float32(0.25))

    logging = Logging()
    result = small(report_interval=0.001).learn(steps=400, run=tmp_path / "run", callback=logging)
    folder = RunFolder(tmp_path / "run")
    assert logging.calls > 3
    for name, value in (("mine/one", "1.5"), ("count", "1234567")):
        written = column(folder, name)
        assert [index for index, cell in enumerate(written) if cell] == [2]
        assert written[2] == value
    # A row of its own, as there is none after it.
    assert [column(folder, name)[-2:] for name in ("last", "jax")] == [["", "nan"], ["", "0.25"]]
    assert column(folder, "steps")[-2:] == [str(result.summary["steps"])] * 2
    assert column(folder, "length_mean_100")[-1] == column(folder, "length_mean_100")[-2] != ""
    # The run goes on with its columns.
    a3c.resume(folder.path, steps=480, callback=lambda training: training.log("count", 8))
    assert column(folder, "count")[2] == "1234567"
    assert column(folder, "count")[-1] == "8"


def test_own_columns_are_in_tensorboard(tmp_path):
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    small(log=("tensorboard",)).learn(
        steps=64, run=tmp_path / "run", callback=lambda training: training.log("greedy", training.steps)
    )
    (events,) = (tmp_path / "run").glob("events*")
    content, tags = events.read_bytes(), []
    while content:
        length = int.from_bytes(content[:8], "little")
        tags += [value.tag for value in event_pb2.Event.FromString(content[12 : 12 + length]).summary.value]
        content = content[16 + length :]
    assert tags.count("charts/greedy") >= 1


WRONG = [
    ("", 1.0, "log: '' cannot be the name of a column: give text of one line without commas and quotes"),
    ("a,b", 1.0, "log: 'a,b' cannot be"),
    ('say "a"', 1.0, "log: 'say \"a\"' cannot be"),
    ("a\nb", 1.0, "log: 'a\\nb' cannot be"),
    (3, 1.0, "log: 3 cannot be"),
    ("loss", 1.0, "log: 'loss' is a column of a3c's own: give another name, such as 'my_loss'"),
    ("predictors", 1.0, "log: 'predictors' is a column of a3c's own"),
    ("mine", math.inf, "log: 'mine' is inf, but must be a number that is not infinite"),
    ("mine", "3", "log: 'mine' is '3', but must be a number"),
    ("mine", None, "log: 'mine' is None, but must be a number"),
    ("mine", np.zeros((2, 2)), "log: 'mine' is array([[0., 0.], [0., 0.]]), but must be"),
    ("mine", 10**400, "log: 'mine' is 1000"),
]


def test_what_cannot_be_logged_is_one_line_and_not_written(tmp_path):
    refused = []

    def log(training):
        for name, value, message in WRONG:
            with pytest.raises(SettingsError) as error:
                training.log(name, value)
            assert str(error.value).startswith(message)
            refused.append(str(error.value))

    small().learn(steps=64, run=tmp_path / "run", callback=log)
    assert len(refused) >= len(WRONG)
    assert all(line.isprintable() for line in refused)
    header = RunFolder(tmp_path / "run").metrics_path.read_text().splitlines()[0]
    assert header == ",".join(METRIC_COLUMNS)


def test_a_run_that_logs_badly_fails_with_that_line(tmp_path):
    with pytest.raises(SettingsError, match="log: 'steps' is a column of a3c's own"):
        small().learn(steps=64, run=tmp_path / "run", callback=lambda training: training.log("steps", 3))
    summary = RunFolder(tmp_path / "run").summary()
    assert summary["status"] == "failed"
    assert summary["error"].startswith("log: 'steps' is a column")


def test_nothing_is_logged_after_the_end():
    seen = []
    small().learn(steps=64, callback=seen.append)
    with pytest.raises(SettingsError, match="log: the run has ended"):
        seen[-1].log("late", 1.0)


def test_a_snapshot_is_of_now_and_stays_so(tmp_path):
    agent, taken = cartpole(report_interval=0.001, hidden=(4,)), []
    before = agent.value(BATCH)

    def take(training):
        snapshot = training.snapshot()
        taken.append((snapshot, snapshot.value(BATCH)))
        if len(taken) == 2:
            assert type(snapshot) is a3c.ActingAgent
            assert len(snapshot.evaluate(episodes=2).returns) == 2
            snapshot.save(tmp_path / "then.safetensors")
            training.save(tmp_path / "now.safetensors")
            snapshot.predict(OBSERVATION)
        return training.steps < 640

    result = agent.learn(steps=10**9, callback=take)
    values = [value for _, value in taken]
    assert not np.allclose(values[0], before)
    assert not np.array_equal(values[0], values[-1])
    np.testing.assert_array_equal(taken[-1][0].parameters, result.latest.parameters)
    # What it was it stays, and so does what was saved and copied of it.
    for agent in (taken[1][0], pickle.loads(pickle.dumps(taken[1][0])), a3c.load(tmp_path / "then.safetensors")):
        np.testing.assert_array_equal(agent.value(BATCH), values[1])
    saved = Checkpoint.load(tmp_path / "now.safetensors")
    assert 0 < saved.counts["steps"] <= result.summary["steps"]
    for agent in (taken[1][0], pickle.loads(pickle.dumps(taken[1][0])), copy.deepcopy(taken[1][0])):
        assert agent.snapshot.version == taken[1][0].snapshot.version
        for array in (agent.parameters, agent.snapshot.parameters, agent.snapshot.statistics):
            with pytest.raises(ValueError, match="read-only"):
                array[:] = 0


def test_an_exception_of_any_event_ends_the_run_and_comes_out(tmp_path):
    for number, event in enumerate(["on_start", "on_episodes", "on_checkpoint", "on_end"]):
        notes = Notes()

        def fail(training, *more):
            raise ZeroDivisionError("mine")

        setattr(notes, event, fail)
        run = RunFolder(tmp_path / str(number))
        with pytest.raises(ZeroDivisionError, match="mine"):
            small().learn(steps=160, run=run.path, callback=notes)
        assert (run.summary()["status"], run.summary()["error"]) == ("failed", "ZeroDivisionError: mine")
        assert run.load("latest").counts["steps"] == run.summary()["steps"]
        assert "end" not in {name for name, _, _ in notes.seen}


def test_resume_and_repeat_take_callbacks(tmp_path):
    notes, seeds = Notes(), set()
    small().learn(steps=64, run=tmp_path / "run")
    result = a3c.resume(
        tmp_path / "run", steps=128, callback=[notes, lambda t: t.snapshot().predict(OBSERVATION) and None]
    )
    assert notes.seen[0][1] >= 64
    assert notes.seen[-1][:2] == ("end", result.summary["steps"])
    settings = SMALL | {"backend": "inline", "recipe": "none", "steps": 64, "algorithm": RandomAgent.algorithm}
    a3c.repeat("CartPole-v1", 2, run=tmp_path / "all", callback=lambda t: seeds.add(t.config.seed), **settings)
    assert seeds == {1, 2}
    with pytest.raises(SettingsError, match="neither a function nor a Callback"):
        a3c.repeat("CartPole-v1", 2, run=tmp_path / "none", callback=3, **settings)
    assert not (tmp_path / "none").exists()


def test_a_snapshot_of_a_run_that_is_resumed_in_processes(tmp_path):
    """What workers work with was made in another process, and is unpacked here."""
    agent, taken = small(agent=A3C, backend="processes", workers=1), []
    agent.learn(steps=64, run=tmp_path / "run")
    result = a3c.resume(tmp_path / "run", steps=128, callback=lambda training: taken.append(training.snapshot()))
    np.testing.assert_array_equal(taken[-1].parameters, result.latest.parameters)
    assert taken[-1].predict(OBSERVATION)[0] in (0, 1)
