"""The Monitor: from the workers' reports to means, stop conditions and the run folder's files."""

import csv
import time

import numpy as np
import pytest

from a3c.errors import DiskError
from a3c.roles.messages import EpisodeRecord, Report
from a3c.runs.metrics import METRIC_COLUMNS, read_rows
from a3c.training.progress import NoDisplay
from a3c.training.restarting import Death


def test_the_mean_is_that_of_the_last_100(new_run):
    run = new_run()
    run.work(*range(150))
    assert run.monitor.measures.returns.mean == np.mean(range(50, 150))
    run.work(1000.5)
    assert run.monitor.measures.returns.mean == pytest.approx(np.mean([*range(51, 150), 1000.5]))


def test_before_100_episodes_the_summary_has_no_mean(new_run):
    run = new_run(target_return=0.0)
    run.work(*[5.0] * 99)
    assert run.monitor.measures.returns.mean == 5.0
    assert run.summary()["return_mean_100"] is run.summary()["best_return_mean_100"] is None
    assert not run.monitor.done
    run.work(5.0)
    assert run.summary()["return_mean_100"] == run.summary()["best_return_mean_100"] == 5.0
    run.play(*[5.0] * 100)
    assert run.monitor.done


def test_the_best_mean_and_its_parameters_stay(new_run):
    run = new_run()
    run.work(*[5.0] * 1000)
    best = run.store.parameters
    run.work(*[1.0] * 20)
    assert run.summary()["best_return_mean_100"] == 5.0
    assert run.summary()["return_mean_100"] == pytest.approx(4.2)
    np.testing.assert_allclose(run.monitor.keeper.best_checkpoint().parameters, best, rtol=1e-6)
    assert not np.array_equal(run.monitor.keeper.checkpoint().parameters, best)


def test_the_best_parameters_are_an_average_over_some_20_episodes_to_the_latest_of_equal_means(new_run):
    run = new_run()
    run.work(*[5.0] * 1000)
    expected = run.store.parameters
    for episodes in (1, 3, 1):
        run.work(*[5.0] * episodes)
        for _ in range(episodes):
            expected = 0.95 * expected + 0.05 * run.store.parameters
    run.work(4.0)
    np.testing.assert_allclose(run.monitor.keeper.best_checkpoint().parameters, expected, rtol=1e-5)


def test_solved_is_when_the_mean_first_reaches_the_target_and_is_confirmed(new_run):
    run = new_run(target_return=5.0, stop_when_solved=False)
    run.work(*[0.0] * 100)
    for _ in range(20):
        run.work(*[6.0] * 10)
    run.play(*[5.5] * 100)
    # After 84 episodes of 6 the mean is 5.04: they ended in the ninth of these segments.
    assert run.monitor.measures.returns.solved_at_step == 10 + 9 * 10
    assert not run.monitor.done


def test_a_target_below_zero_counts(new_run):
    run = new_run(target_return=-1.0)
    run.work(*[-0.5] * 100)
    run.play(*[-0.9] * 100)
    assert run.monitor.done


def test_a_continued_run_goes_on_with_its_returns_and_counts(new_run):
    counts = {"steps": 500, "episodes": 99, "updates": 50}
    before = {"counts": counts, "returns": [3.0] * 99, "best_return_mean_100": 2.5, "seconds": 100.0}
    run = new_run(checkpoint=before)
    run.work(103.0)
    summary = run.summary()
    assert (summary["steps"], summary["episodes"], summary["updates"]) == (510, 100, 51)
    assert summary["return_mean_100"] == summary["best_return_mean_100"] == 4.0
    assert summary["wall_seconds"] >= 100
    saved = run.monitor.keeper.checkpoint()
    assert saved.counts == {"steps": 510, "episodes": 100, "updates": 51}
    assert saved.returns == [3.0] * 99 + [103.0]
    assert saved.seconds >= 100


def test_policy_lag_is_the_mean_over_updates(new_run):
    run = new_run()
    assert run.summary()["policy_lag"] is None
    for lag in (0, 1, 5):
        run.work(lag=lag)
    assert run.summary()["policy_lag"] == 2.0


def test_the_queue_length_is_the_mean_over_the_updates_since_the_row_before(new_run, tmp_path):
    run = new_run(tmp_path, algorithm="impala")
    assert run.monitor.progress().queue_length is None
    for waiting in (0, 1, 5):
        run.work(lag=0.5, waiting=waiting)
    run.monitor.report()
    assert run.monitor.progress().queue_length == 2.0
    run.work(waiting=3)
    run.monitor.report()
    run.monitor.finish("finished")
    column = METRIC_COLUMNS.index("queue_length")
    assert [row[column] for row in read_rows(run.folder.metrics_path)] == ["2", "3"]
    assert run.summary()["policy_lag"] == pytest.approx(1.5 / 4)


def test_the_progress_line_keeps_lag_and_queue_where_a_row_has_no_updates(new_run):
    run = new_run(algorithm="impala")
    run.work(lag=3.0, waiting=2)
    run.monitor.report()
    run.store.count(steps=10)
    run.monitor.report()
    assert (run.monitor.row["policy_lag"], run.monitor.row["queue_length"]) == (None, None)
    assert (run.monitor.progress().policy_lag, run.monitor.progress().queue_length) == (3.0, 2.0)


def test_without_a_learner_there_is_no_queue(new_run):
    run = new_run()
    run.work()
    run.monitor.report()
    assert run.monitor.progress().queue_length is None


def test_rows_hold_the_means_since_the_row_before(new_run, tmp_path):
    run = new_run(tmp_path)
    for entropy in (0.25, 0.75):
        run.work(7.0, entropy=entropy)
    run.monitor.report()
    run.work(entropy=0.125)
    run.monitor.report()
    run.monitor.finish("finished")
    columns = (tmp_path / "run" / "metrics.csv").read_text().splitlines()[0].split(",")
    rows = [dict(zip(columns, row, strict=True)) for row in read_rows(run.folder.metrics_path)]
    assert [(row["steps"], row["updates"], row["entropy"]) for row in rows] == [
        ("20", "2", "0.5"),
        ("30", "3", "0.125"),
    ]
    assert rows[0]["return_mean_100"] == "7"
    assert rows[0]["best_return_mean_100"] == ""


def test_nothing_new_gives_no_row(new_run, tmp_path):
    run = new_run(tmp_path)
    run.work(7.0)
    run.monitor.report()
    run.monitor.report()
    run.monitor.finish("finished")
    assert len(read_rows(run.folder.metrics_path)) == 1


@pytest.mark.parametrize("return_", [123456789.0, -0.001953125, 1e-7, 20.0])
def test_returns_are_written_whole(new_run, tmp_path, return_):
    run = new_run(tmp_path)
    run.work(return_)
    run.monitor.finish("finished")
    (row,) = read_rows(run.folder.episodes_path)
    assert float(row[3]) == return_
    assert (row[0], row[2], row[4]) == ("10", "0", "4")


def test_the_summary_is_there_from_the_start(new_run, tmp_path):
    run = new_run(tmp_path)
    summary = run.folder.summary()
    assert summary["status"] == "running"
    assert summary["steps"] == 0
    assert summary["startup_seconds"] is summary["steps_per_second"] is None


def test_a_run_that_did_nothing_ends_with_a_checkpoint_and_no_rows(new_run, tmp_path):
    run = new_run(tmp_path)
    run.monitor.finish("interrupted")
    assert run.folder.load("latest").counts["steps"] == 0
    assert read_rows(run.folder.metrics_path) == read_rows(run.folder.episodes_path) == []
    assert run.folder.summary()["status"] == "interrupted"


def test_what_is_due_is_written_when_the_clock_says_so(new_run, tmp_path):
    run = new_run(tmp_path, report_interval=1e-6, checkpoint_interval=1e-6)
    run.work(*[1.0] * 100)
    run.monitor.tick()
    assert len(read_rows(run.folder.metrics_path)) == 1
    assert len(read_rows(run.folder.episodes_path)) == 100
    assert run.folder.load("latest").counts["steps"] == run.folder.load("best").counts["steps"] == 10
    late = new_run(tmp_path / "late", report_interval=1e6, checkpoint_interval=1e6)
    late.work(1.0)
    late.monitor.tick()
    assert read_rows(late.folder.metrics_path) == []
    assert not late.folder.checkpoint_path("latest").exists()


def test_rows_up_to_a_checkpoint_are_written_before_it(new_run, tmp_path):
    run = new_run(tmp_path, report_interval=1e6, checkpoint_interval=1e-6)
    run.work(1.0, 2.0)
    run.monitor.tick()
    assert len(read_rows(run.folder.episodes_path)) == run.folder.load("latest").counts["episodes"] == 2


@pytest.mark.parametrize("algorithm", ["a3c", "a2c", "ga3c", "impala", "random"])
def test_a_checkpoint_counts_the_episodes_that_were_reported_and_a_resumed_run_has_their_rows(
    new_run, tmp_path, algorithm
):
    run = new_run(tmp_path, algorithm=algorithm, report_interval=1e6, checkpoint_interval=1e-6)
    run.work(1.0, 2.0)
    # A worker counts an episode, and the checkpoint is taken before its report comes.
    run.store.count(steps=10, episodes=1)
    late = EpisodeRecord(run.store.total("steps"), time.monotonic(), 3.0, 4)
    run.monitor.tick()
    saved = run.folder.load("latest")
    assert (saved.counts["steps"], saved.counts["episodes"], saved.returns) == (20, 2, [1.0, 2.0])
    assert len(read_rows(run.folder.episodes_path)) == 2
    # Then it comes, its row is written, and the process is killed before the next checkpoint.
    run.monitor.receive(Report(0, [late]))
    run.monitor.report()
    assert len(read_rows(run.folder.episodes_path)) == run.folder.summary()["episodes"] == 3
    resumed = run.follow(saved)
    resumed.measures.clock.work_started = 0.0
    resumed.receive(Report(0, [late._replace(step=30)]))
    resumed.finish("finished")
    assert [row[0] for row in read_rows(run.folder.episodes_path)] == ["10", "10", "30"]
    assert run.folder.summary()["episodes"] == run.folder.load("latest").counts["episodes"] == 3


def test_rows_are_on_the_disk_before_the_checkpoint_that_counts_them(new_run, tmp_path, monkeypatch):
    run = new_run(tmp_path, report_interval=1e6, checkpoint_interval=1e-6)
    run.work(1.0)
    order = []
    files = [getattr(run.monitor.records, name) for name in ("episodes", "metrics", "evaluations")]
    for file in files:
        monkeypatch.setattr(file, "sync", lambda path=file._file.path: order.append((path.name, len(read_rows(path)))))
    monkeypatch.setattr(run.folder, "save_latest", lambda checkpoint: order.append("checkpoint"))
    run.monitor.tick()
    assert order == [("episodes.csv", 1), ("metrics.csv", 1), ("evaluations.csv", 0), "checkpoint"]


def test_steps_and_seconds_of_episodes_never_go_back(new_run, tmp_path):
    run = new_run(tmp_path, report_interval=1e-6, backend="processes", workers=3)
    run.work()
    now = time.monotonic()
    for worker, step in ((0, 50), (1, 20), (0, 60), (1, 55), (2, 70)):
        # Steps and seconds of one worker are in order; another may report what ended before that later.
        run.monitor.receive(Report(worker, [EpisodeRecord(step, now + step, float(step), 1)]))
        run.monitor.report()
    rows = read_rows(run.folder.episodes_path)
    assert [(int(row[0]), row[3]) for row in rows] == [(50, "50"), (50, "20"), (60, "60"), (60, "55"), (70, "70")]
    seconds = [float(row[1]) for row in rows]
    assert seconds == sorted(seconds)


@pytest.mark.parametrize(
    ("settings", "fraction"),
    [
        ({"steps": 40}, 0.25),
        ({"episodes": 4}, 0.5),
        ({"steps": 40, "episodes": 4}, 0.5),
        ({}, None),
        ({"steps": 5}, 1.0),
    ],
)
def test_progress_knows_how_much_of_the_nearest_limit_is_used(new_run, settings, fraction):
    run = new_run(**settings)
    run.work(1.0, 1.0)
    assert run.monitor.progress().fraction == fraction
    assert (run.monitor.progress().eta is None) == (fraction is None)


@pytest.mark.parametrize("failing", ["episodes", "metrics"])
def test_what_cannot_be_written_at_the_end_stops_nothing_else(new_run, tmp_path, failing, monkeypatch):
    run = new_run(tmp_path)
    run.work(1.0)

    def append(rows):
        raise DiskError("could not write rows: the disk is full")

    monkeypatch.setattr(getattr(run.monitor.records, failing), "append", append)
    with pytest.raises(DiskError, match="the disk is full"):
        run.monitor.finish("finished")
    summary = run.folder.summary()
    assert summary["status"] == "failed"
    assert "the disk is full" in summary["error"]
    assert run.folder.load("latest").counts["steps"] == 10
    # A run resumed here has the rows that could be written, and no others.
    assert run.folder.load("latest").counts["episodes"] == len(read_rows(run.folder.episodes_path))
    files = [getattr(run.monitor.records, name) for name in ("episodes", "metrics", "evaluations")]
    assert all(file._file._file.closed for file in files)


def test_the_first_error_is_the_one_that_counts(new_run, tmp_path, monkeypatch):
    run = new_run(tmp_path)
    run.work(1.0)

    def close():
        raise DiskError("could not write rows: the disk is full")

    monkeypatch.setattr(run.monitor.records.metrics, "close", close)
    with pytest.raises(DiskError):
        run.monitor.finish("failed", "worker 1 failed")
    assert run.folder.summary()["error"] == "worker 1 failed"
    monkeypatch.undo()


def test_what_the_watch_says_is_said_and_kept(new_run, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(NoDisplay, "say", lambda self, line: said.append(line))
    run = new_run(tmp_path, steps=1000)
    run.monitor.receive(Report(0, largest_reward=1000.0))
    for _ in range(60):
        run.work(value_loss=1e6, explained_variance=0.0)
    run.monitor.finish("finished")
    assert [line.partition(" are")[0] for line in said] == ["`steps` 1,000", "rewards"]
    assert run.folder.summary()["remarks"] == said


def test_one_remark_of_all_is_said(new_run, monkeypatch):
    said = []
    monkeypatch.setattr(NoDisplay, "say", lambda self, line: said.append(line))
    run = new_run(backend="processes", workers=4)
    run.work()
    assert said == []
    for worker in (3, 1):
        run.monitor.receive(Report(worker, remarks={"wheel": "the wheel is loose"}))
    assert said == ["worker 3: the wheel is loose"]


def go_back(run):
    """Ten updates in a row are not finite: parameters are as they were saved again."""
    run.work(1.0)
    run.monitor.save()
    kept = run.store.parameters
    run.work(1.0)
    for _ in range(10):
        run.store.learn(np.ones(3, np.float32), np.nan, 0.1, 0)
        run.monitor.tick()
    np.testing.assert_array_equal(run.store.parameters, kept)


def test_what_befell_a_run_is_said_written_and_counted(new_run, tmp_path):
    run = new_run(tmp_path, report_interval=1e6, checkpoint_interval=1e6)
    said = []
    run.monitor.incidents._display.say = said.append
    go_back(run)
    run.monitor.incidents.failed(Death(0, 'RuntimeError: "a", b', "Traceback\n"), replaced=True)
    run.monitor.incidents.failed(Death(0, "killed"), replaced=False)
    summary = run.summary()
    assert (summary["worker_restarts"], summary["skipped_updates"]) == (1, 10)
    assert [line.partition(":")[0] for line in said] == [
        *("an update was not finite", "10 updates in a row were not finite"),
        *("worker 0 failed", "worker 0 failed"),
    ]
    with run.folder.events_path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["worker"], row["event"]) for row in rows] == [
        *(("", "skipped"), ("", "went back")),
        *(("0", "replaced"), ("0", "failed")),
    ]
    assert rows[2]["what"] == 'RuntimeError: "a", b'
    assert (run.folder.errors / "worker-0-1.txt").read_text() == "Traceback\n"
    assert run.monitor.measures.row()["learning_rate"] == run.start.config.learning_rate / 2


def test_without_a_folder_training_can_go_back_too(new_run):
    go_back(new_run())
