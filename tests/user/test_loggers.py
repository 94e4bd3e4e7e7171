"""Loggers: what they are told, in which order, and that whatever they do, training goes on."""

import csv
import json
import struct
import threading
import time
from pathlib import Path

import pytest

import a3c
from a3c import A3C, Logger, RandomAgent, TrackioLogger, WandbLogger
from a3c.cli.main import run
from a3c.errors import SettingsError
from a3c.runs.folder import RunFolder, read_config
from a3c.runs.metrics import read_rows
from a3c.training import loggers
from a3c.training.loggers import sending
from environments_for_tests import Telling

SMALL = {"envs_per_worker": 2, "segment_length": 8, "hidden": (4,), "log": (), "seed": 1, "backend": "inline"}


def small(environment=Telling, **settings):
    """One that learns nothing, as it compiles nothing."""
    return RandomAgent(environment, **SMALL | settings)


class Noting(Logger):
    """Notes what it is told; raises at the calls of a method, or waits there for ever."""

    name = "noting"

    def __init__(self, raises="", waits=""):
        self.calls, self._raises, self._waits, self.let_go = [], raises, waits, threading.Event()

    def _note(self, method, *arguments):
        self.calls.append((method, *arguments))
        if method == self._waits:
            self.let_go.wait()
        if method == self._raises:
            raise ConnectionError("the server\nis gone")

    def begin(self, run):
        self._note("begin", run)
        return "id-1"

    def scalars(self, step, numbers):
        self._note("scalars", step, dict(numbers))

    def text(self, step, line):
        self._note("text", step, line)

    def artefact(self, path, kind):
        self._note("artefact", kind, Path(path).exists())

    def end(self, summary):
        self._note("end", summary)

    def of(self, method):
        return [call[1:] for call in self.calls if call[0] == method]


def events(folder):
    with (folder / "events.csv").open() as file:
        return [(row["event"], row["what"]) for row in csv.DictReader(file)]


def test_a_logger_is_told_all_rows_at_their_steps_and_what_came_of_the_run(tmp_path):
    noting, folder = Noting(), tmp_path / "seed-1"
    settings = {"report_interval": 0.001, "track_info": ("is_success",), "evaluate_every": 300}
    A3C(Telling, **SMALL | settings).learn(steps=640, run=folder, callback=noting)
    (begun,) = noting.of("begin")[0]
    assert (begun.name, begun.group, begun.folder, begun.id) == (f"{tmp_path.name}/seed-1", tmp_path.name, folder, None)
    assert begun.config["report_interval"] == 0.001
    assert [call[0] for call in noting.calls[:2]] == ["begin", "artefact"]
    assert noting.calls[-1][0] == "end"
    kinds = [kind for kind, exists in noting.of("artefact") if exists]
    assert kinds == ["config", "best", "latest", "summary"]
    rows = [(step, numbers) for step, numbers in noting.of("scalars") if "charts/episodes" in numbers]
    steps = [int(row[0]) for row in read_rows(folder / "metrics.csv", ("steps",))]
    assert [step for step, _ in rows] == steps
    assert len(steps) > 3
    with (folder / "metrics.csv").open() as file:
        for (_, numbers), row in zip(rows, csv.DictReader(file), strict=True):
            assert numbers["charts/episodes"] == int(row["episodes"])
            assert numbers["info/is_success"] == pytest.approx(float(row["info/is_success"]), rel=1e-5)
    # Between two rows all episodes are one.
    returns = [float(row[1]) for row in read_rows(folder / "episodes.csv", ("step", "return"))]
    assert max(numbers["episodes/return_max"] for _, numbers in rows if "episodes/return_max" in numbers) == max(
        returns
    )
    evaluated = [numbers for _, numbers in noting.of("scalars") if "eval/greedy/mean" in numbers]
    assert evaluated
    assert all("eval/greedy/info/is_success" in numbers for numbers in evaluated)
    assert noting.of("end")[0][0]["status"] == "finished"
    assert json.loads((folder / "logged.json").read_text()) == {"noting": "id-1"}
    # It goes on as the same run, and what was begun anew does not.
    a3c.resume(folder, environment=Telling, steps=704, callback=noting)
    assert noting.of("begin")[1][0].id == "id-1"


@pytest.mark.parametrize("method", ["begin", "scalars", "end"])
def test_a_logger_that_fails_is_one_event_and_training_goes_on(tmp_path, method):
    noting, folder = Noting(raises=method), tmp_path / "run"
    result = small(report_interval=0.001).learn(steps=200, run=folder, callback=noting)
    assert result.summary["status"] == "finished"
    assert events(folder) == [("logger failed", "noting: ConnectionError: the server")]
    assert len(noting.of(method)) == len(read_rows(folder / "metrics.csv")) if method == "scalars" else 1
    assert len(noting.of("end")) == (method != "begin")


@pytest.mark.parametrize("method", ["begin", "scalars", "end"])
def test_nobody_waits_long_for_a_logger_that_hangs(tmp_path, monkeypatch, method):
    monkeypatch.setattr(loggers, "PATIENCE", 0.2)
    monkeypatch.setattr(sending, "MOST", 5)
    noting, folder = Noting(waits=method), tmp_path / "run"
    try:
        result = small(report_interval=0.0001).learn(steps=2000, run=folder, callback=noting)
    finally:
        noting.let_go.set()
    assert result.summary["status"] == "finished"
    lines = [what for event, what in events(folder) if event == "logger failed"]
    assert "noting: it had not taken everything 0 s after the end" in lines
    assert (len(lines) == 2) == (method != "end")


def test_a_run_that_failed_is_told_to_have(tmp_path):
    class Breaks(Telling):
        def step(self, action):
            if self.steps > 1:
                raise RuntimeError("the wheel came off")
            return super().step(action)

    noting = Noting()
    with pytest.raises(RuntimeError):
        small(Breaks).learn(steps=200, callback=noting)
    (summary,) = noting.of("end")[0]
    assert summary["status"] == "failed"
    assert "the wheel came off" in summary["error"]


def test_what_is_said_of_a_run_is_text(tmp_path):
    noting = Noting()
    small(track_info=("nope",)).learn(steps=200, callback=noting)
    assert [line for _, line in noting.of("text") if "info had no such number" in line]


def test_one_that_is_not_installed_is_named_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(TrackioLogger, "needs", "no_such_module")
    monkeypatch.chdir(tmp_path)
    refused = r"`log` trackio needs the module no_such_module, which is not installed: .*\[trackio\]"
    with pytest.raises(SettingsError, match=refused):
        small(log=("trackio",)).learn(steps=64, run="run")
    with pytest.raises(SettingsError, match=refused):
        TrackioLogger()
    assert list(tmp_path.iterdir()) == []


def test_flags_that_are_given_again_add_to_those_before(tmp_path, capsys):
    flags = [
        "--algorithm",
        "random",
        "--backend",
        "inline",
        "--no-progress",
        "--seed",
        "1",
        "--run",
        str(tmp_path / "run"),
    ]
    assert (
        run(
            [
                "train",
                "CartPole-v1",
                "--steps",
                "100",
                *flags,
                "--log",
                "tensorboard",
                "--track-info",
                "a",
                "--track-info",
                "b",
            ]
        )
        == 0
    )
    config = read_config(tmp_path / "run" / "config.toml")
    assert (config.log, config.track_info) == (("tensorboard",), ("a", "b"))
    for wrong, line in {
        "--no-tensorboard": "there is no flag --no-tensorboard; it is called '--log' here",
        "--log=none": "--log is 'none', but must be some of tensorboard, wandb, trackio, mlflow; leave it out for none",
        "--track-info=a,b": "--track-info is 'a,b', which no column",
    }.items():
        assert run(["train", "CartPole-v1", wrong]) == 2
        assert line in capsys.readouterr().err


def wandb_records(path):
    """The records of a `.wandb` file, a log of LevelDB's: blocks of 32 KiB, of pieces with a head of 7 bytes, as far
    as they are whole."""
    pb = pytest.importorskip("wandb.proto.wandb_internal_pb2")
    content, place, whole, records = path.read_bytes(), 7, b"", []
    while place + 7 <= len(content):
        if 32768 - place % 32768 < 7:
            place += 32768 - place % 32768
            continue
        _, size, kind = struct.unpack("<IHB", content[place : place + 7])
        if place + 7 + size > len(content):
            # Still being written.
            break
        whole += content[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):
            records.append(pb.Record.FromString(whole))
            whole = b""
    return records


@pytest.fixture
def patient(monkeypatch):
    """However busy the machine is."""
    monkeypatch.setattr(loggers, "PATIENCE", 300.0)


def test_wandb_has_the_run_without_a_network(tmp_path, monkeypatch, patient):
    pytest.importorskip("wandb", reason="the extra wandb is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_PROJECT", "walks")
    folder = tmp_path / "run"
    small(log=("wandb",), report_interval=0.001, track_info=("is_success",)).learn(steps=640, run=folder)
    assert not (folder / "events.csv").exists()
    (file,) = folder.glob("wandb/offline-run-*/*.wandb")
    # W&B's own process may write the end of it a moment after it has said that all is done.
    for _ in range(100):
        records = wandb_records(file)
        if any(record.WhichOneof("record_type") == "exit" for record in records):
            break
        time.sleep(0.1)
    of = {kind: [record for record in records if record.WhichOneof("record_type") == kind] for kind in
          ("run", "history", "artifact", "summary", "exit")}  # fmt: skip
    began = of["run"][0].run
    assert (began.project, began.display_name) == ("walks", "run")
    assert {item.key: item.value_json for item in began.config.update}["track_info"] == '["is_success"]'
    logged = [
        {".".join(item.nested_key) or item.key: json.loads(item.value_json) for item in record.history.item}
        for record in of["history"]
    ]
    rows = [numbers for numbers in logged if "charts/episodes" in numbers]
    assert [numbers["steps"] for numbers in rows] == [
        int(row[0]) for row in read_rows(folder / "metrics.csv", ("steps",))
    ]
    assert all("info/is_success" in numbers for numbers in rows[1:])
    assert {record.artifact.name for record in of["artifact"]} == {"run-best", "run-latest"}
    assert of["exit"][0].exit.exit_code == 0
    assert json.loads(RunFolder(folder).logged_path.read_text()) == {"wandb": began.run_id}
    # A class of its own does the same, and the run goes on as it was.
    a3c.resume(folder, environment=Telling, steps=704, log=(), callback=WandbLogger(project="others", tags=["again"]))
    # offline-run-TIME-ID, and a number after that where two began in one second.
    assert len({path.name.split("-")[3] for path in folder.glob("wandb/offline-run-*")}) == 1


@pytest.mark.filterwarnings("ignore")
def test_mlflow_has_the_run_in_a_file(tmp_path, monkeypatch, patient):
    mlflow = pytest.importorskip("mlflow", reason="the extra mlflow is not installed, which is not in dev")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    folder = tmp_path / "run"
    small(log=("mlflow",), report_interval=0.001).learn(steps=400, run=folder)
    client = mlflow.MlflowClient()
    (run,) = client.search_runs([client.get_experiment_by_name("a3c").experiment_id])
    assert (run.info.run_name, run.info.status, run.data.params["seed"]) == ("run", "FINISHED", "1")
    history = client.get_metric_history(run.info.run_id, "charts/episodes")
    assert [point.step for point in history] == [int(row[0]) for row in read_rows(folder / "metrics.csv", ("steps",))]
    assert {file.path for file in client.list_artifacts(run.info.run_id)} >= {"checkpoints", "config.toml"}


@pytest.mark.filterwarnings("ignore")
def test_trackio_has_the_run_in_its_folder(tmp_path, monkeypatch, patient):
    # Before it is imported.
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    pytest.importorskip("trackio", reason="the extra trackio is not installed, which is not in dev")
    folder = tmp_path / "run"
    small(log=("trackio",), report_interval=0.001).learn(steps=400, run=folder)
    assert not (folder / "events.csv").exists()
    assert (tmp_path / "trackio" / "a3c.db").exists()
