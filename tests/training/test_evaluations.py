"""When a run is evaluated, what confirms that it is solved, and what counts as its best."""

import numpy as np
import pytest

from a3c.config.evaluating import CONFIRMING
from a3c.roles.messages import Played
from a3c.runs.metrics import EVALUATION_COLUMNS, read_rows
from a3c.training import clock as clock_of_run

REACHED = [6.0] * 100
"""Returns of training that reach a target of 5."""


def run_after_its_best(new_run, mean):
    """A run in which parameters were evaluated with this mean, and that has gone on since; and those parameters."""
    run = new_run(evaluate_every=20)
    run.evaluators.returns = [mean]
    run.work(1.0, steps=20)
    run.monitor.tick()
    best = run.store.parameters
    run.work(1.0, steps=10)
    return run, best


def play_by_parameters(run, best, of_best, otherwise):
    """The evaluator's returns for these parameters, by the way they are played, and for all others."""
    answer = run.evaluators.answer

    def by_parameters(timeout=0.0):
        snapshot, way, *_ = run.evaluators.asked[-1]
        run.evaluators.returns = of_best[way] if np.array_equal(snapshot.parameters, best) else otherwise
        return answer(timeout)

    run.evaluators.answer = by_parameters


def both_ways(returns):
    return {"greedy": returns, "sampled": returns}


def purposes(run):
    return [evaluation.purpose for evaluation in run.monitor.news().evaluations]


def test_workers_play_the_average_of_the_parameters_when_the_target_is_reached(new_run):
    run = new_run(target_return=5.0)
    run.work(*[4.0] * 100)
    assert run.assignment.order(0) is None
    run.work(*REACHED)
    order = run.assignment.order(0)
    assert (order.way, order.episodes) == ("greedy", CONFIRMING)
    np.testing.assert_array_equal(order.snapshot.parameters, run.monitor.measures.returns.average.parameters)


@pytest.mark.parametrize(("returns", "solved"), [
    ([5.0] * 100, True),
    ([4.0, 6.1] * 50, False),  # their mean is 5.05, one standard error of it 0.1
    ([4.0, 6.3] * 50, True),  # 5.15 and 0.12
    ([4.9] * 100, False),
])  # fmt: skip
def test_the_mean_less_one_standard_error_decides(new_run, returns, solved):
    run = new_run(target_return=5.0)
    run.work(*REACHED)
    run.play(*returns)
    assert run.monitor.done is solved
    assert run.summary()["confirmations_failed"] == (not solved)
    assert (run.summary()["best_evaluation"] is not None) is solved


def test_all_workers_shares_are_one_evaluation(new_run):
    run = new_run(target_return=5.0)
    run.work(*REACHED)
    run.play(*[5.0] * 100)
    (evaluation,) = run.monitor.news().evaluations
    assert (evaluation.purpose, evaluation.step, len(evaluation.returns)) == ("confirmation", 10, 100)
    assert run.summary()["best_evaluation"]["mean"] == 5.0
    assert run.assignment.order(0) is None


def test_what_was_not_confirmed_is_tried_again_after_a_hundred_episodes_then_after_twice_as_many(new_run):
    run = new_run(target_return=5.0)
    run.work(*REACHED)
    for hundreds in (1, 2, 4):
        run.play(*[1.0] * 100)
        for _ in range(10 * hundreds - 1):
            run.work(*[6.0] * 10)
            assert run.assignment.order(0) is None
        run.work(*[6.0] * 10)
        assert run.assignment.order(0) is not None


def test_where_greedy_play_falls_short_of_training_drawn_actions_are_tried(new_run):
    run = new_run(target_return=5.0)
    run.work(*REACHED)
    run.play(*[1.0] * 100)
    run.work(*REACHED)
    assert run.assignment.order(0).way == "sampled"
    run.play(*[5.5] * 100)
    assert run.monitor.done
    assert run.monitor.keeper.best_checkpoint().plays == run.summary()["best_evaluation"]["policy"] == "sampled"


def test_it_is_evaluated_when_it_is_time_and_the_best_is_the_best_evaluated(new_run, tmp_path):
    run = new_run(tmp_path, evaluate_every=20)
    run.evaluators.returns = [3.0]
    run.work(1.0)
    run.monitor.tick()
    assert not run.evaluators.asked
    kept = []
    for mean in (3.0, 2.0, 4.0):
        run.evaluators.returns = [mean] * 20
        run.work(1.0, steps=20)
        kept.append(run.store.parameters)
        run.monitor.tick()
    assert purposes(run) == ["interval"] * 3
    np.testing.assert_array_equal(run.monitor.keeper.best_checkpoint().parameters, kept[2])
    run.monitor.save()
    np.testing.assert_array_equal(run.folder.load("best").parameters, kept[2])
    rows = read_rows(run.folder.evaluations_path, EVALUATION_COLUMNS)
    assert [(row[0], row[3], row[4], float(row[5])) for row in rows] == [
        ("30", "interval", "greedy", 3.0), ("50", "interval", "greedy", 2.0), ("70", "interval", "greedy", 4.0),
    ]  # fmt: skip


def test_an_evaluation_that_is_late_is_left_out(new_run):
    run = new_run(evaluate_every=20)
    for _ in range(5):
        run.work(1.0, steps=20)
        run.monitor.tick()
    assert len(run.evaluators.asked) == 1
    run.evaluators.returns = [1.0] * 20
    run.monitor.tick()
    run.work(1.0, steps=20)
    run.monitor.tick()
    assert [evaluation.step for evaluation in run.monitor.news().evaluations] == [20, 120]


def test_both_ways_are_played_one_after_the_other(new_run):
    run = new_run(evaluate_every=20, evaluation_policy="both", evaluation_episodes=7)
    run.evaluators.returns = [1.0]
    run.work(1.0, steps=20)
    run.monitor.tick()
    assert [(way, episodes) for _, way, episodes, _ in run.evaluators.asked] == [("greedy", 7), ("sampled", 7)]
    assert len({seed for *_, seed in run.evaluators.asked}) == 2


@pytest.mark.parametrize(("settings", "second"), [
    ({"backend": "processes", "workers": 2}, ["interval"]),
    # Which one was tried before, a resumed run does not know.
    ({}, ["interval", "candidate"]),
])  # fmt: skip
def test_trainings_own_best_is_a_candidate_once_where_runs_differ_anyway(new_run, settings, second):
    run = new_run(evaluate_every=20, **settings)
    run.evaluators.returns = [1.0]
    run.work(*[1.0] * 100, steps=20)
    run.monitor.tick()
    run.work(0.0, steps=20)
    run.monitor.tick()
    assert purposes(run) == ["interval", "candidate", *second]


@pytest.mark.parametrize(("sampled", "plays"), [(3.1, "greedy"), (9.0, "sampled")])
def test_at_the_end_the_best_is_played_again_both_ways_and_the_better_is_recorded(new_run, sampled, plays):
    run, best = run_after_its_best(new_run, 3.0)
    play_by_parameters(run, best, {"greedy": [2.5, 3.5], "sampled": [sampled] * 2}, otherwise=[2.0])
    run.monitor.evaluate_at_end(lambda: True)
    assert purposes(run) == ["interval", "candidate", "final", "final"]
    figure = run.summary()["best_evaluation"]
    assert (figure["policy"], figure["mean"]) == (plays, 3.0 if plays == "greedy" else sampled)
    assert run.monitor.keeper.best_checkpoint().plays == plays


@pytest.mark.parametrize(("again", "kept"), [([1.0, 4.0], "last"), ([5.0, 6.0], "best")])
def test_what_was_the_best_by_luck_gives_way_to_what_training_ended_with(new_run, again, kept):
    run, best = run_after_its_best(new_run, 9.0)
    last = run.store.parameters
    play_by_parameters(run, best, both_ways(again), otherwise=[2.0, 4.0])
    run.monitor.evaluate_at_end(lambda: True)
    parameters = run.monitor.keeper.best_checkpoint().parameters
    np.testing.assert_array_equal(parameters, last if kept == "last" else best)
    assert run.summary()["best_evaluation"]["mean"] == (3.0 if kept == "last" else 5.5)


def test_nobody_waits_at_the_end_of_what_was_interrupted_or_too_short_for_an_evaluation(new_run):
    run = new_run(evaluate_every=20)
    run.work(1.0)
    run.monitor.evaluate_at_end(lambda: True)
    run.work(1.0, steps=20)
    run.monitor.tick()
    run.monitor.evaluate_at_end(lambda: False)
    assert purposes(run) == []


class Clock:
    """In place of the module `time`: an hour later whenever somebody has looked for an answer."""

    now = 0.0

    def monotonic(self):
        return self.now


@pytest.mark.parametrize(("settings", "asked"), [({"backend": "processes", "workers": 2}, 1), ({}, 3)])
def test_the_evaluation_at_the_end_takes_no_longer_than_training_where_a_clock_may_decide(
    new_run, monkeypatch, settings, asked
):
    run, said, clock = new_run(evaluate_every=20, **settings), [], Clock()
    monkeypatch.setattr(run.monitor.evaluations, "_tell", said.append)
    monkeypatch.setattr(clock_of_run, "time", clock)
    run.work(1.0, steps=20)

    def answer(timeout):
        clock.now += 3600
        assert clock.now < 1e5, "it waits for ever"
        return [] if settings else [Played(0, 1, [1.0], [4], 0)]

    monkeypatch.setattr(run.evaluators, "answer", answer)
    run.monitor.evaluate_at_end(lambda: True)
    assert len(run.evaluators.asked) == asked
    assert [line.partition(" took ")[0] for line in said[1:]] == ["the evaluation at the end"] * bool(settings)


@pytest.mark.parametrize(("steps", "cut_after"), [(20, 1000), (40_000, 2000), (10**6, 10_000)])
def test_episodes_of_an_evaluation_take_no_more_steps_than_the_run_has_but_a_thousand_each(new_run, steps, cut_after):
    run = new_run(evaluate_every=20)
    run.work(1.0, steps=steps)
    run.monitor.tick()
    assert run.evaluators.cut_after == cut_after


def test_a_run_that_waits_for_evaluations_is_evaluated_in_the_end_where_it_ends_before_its_boundary(new_run):
    run = new_run(steps=10_000, checkpoint_steps=100_000)
    run.evaluators.returns = [1.0]
    run.work(1.0, steps=10_000)
    run.monitor.tick()
    assert run.evaluators.asked == []
    run.monitor.evaluate_at_end(lambda: True)
    assert purposes(run) == ["candidate", "final", "final"]


def test_a_target_that_is_reached_with_the_last_step_is_confirmed_by_the_evaluator(new_run):
    run = new_run(target_return=5.0)
    run.work(*REACHED)
    run.evaluators.returns = [5.0] * 100
    run.monitor.evaluate_at_end(lambda: True)
    assert run.monitor.measures.returns.solved_at_step == 10


def test_an_answer_that_comes_after_the_run_was_solved_is_let_be(new_run):
    run = new_run(evaluate_every=20, target_return=5.0)
    run.work(1.0, steps=20)
    # It takes its time over this one.
    run.evaluators.returns = None
    run.monitor.tick()
    assert len(run.evaluators.asked) == 1
    run.work(*REACHED)
    run.play(*[5.0] * 100)
    run.evaluators.returns = [9.0] * 20
    run.monitor.tick()
    assert run.summary()["best_evaluation"]["mean"] == 5.0


@pytest.mark.parametrize("settings", [{}, {"cluster": "pipes", "backend": "processes", "workers": None}])
def test_what_was_being_confirmed_when_training_ended_is_confirmed_though_it_has_fallen_since(new_run, settings):
    run = new_run(target_return=5.0, **settings)
    run.work(*REACHED)
    run.work(*[0.0] * 100)
    assert run.monitor.measures.returns.solved_at_step is None
    run.evaluators.returns = [5.0] * 100
    run.monitor.evaluate_at_end(lambda: True)
    assert run.monitor.measures.returns.solved_at_step == 10


def test_training_goes_on_without_an_evaluator_that_has_ended(new_run):
    run = new_run(evaluate_every=20)
    run.evaluators.ended = "its process was killed"
    for _ in range(3):
        run.work(1.0, steps=20)
        run.monitor.tick()
    run.monitor.evaluate_at_end(lambda: True)
    assert len(run.evaluators.asked) == 1
    assert run.summary()["remarks"] == ["evaluation beside training has ended: its process was killed"]


def test_without_an_evaluator_trainings_own_next_best_is_the_best_again(new_run, tmp_path):
    run = new_run(tmp_path, evaluate_every=20)
    run.evaluators.returns = [3.0]
    run.work(*[1.0] * 100, steps=20)
    run.monitor.tick()
    evaluated = run.monitor.keeper.best_checkpoint().parameters
    run.evaluators.ended = "its process was killed"
    run.work(0.0, steps=20)
    run.monitor.tick()
    run.monitor.save()
    np.testing.assert_array_equal(run.folder.load("best").parameters, evaluated)
    run.work(*[2.0] * 100, steps=20)
    run.monitor.save()
    np.testing.assert_array_equal(run.folder.load("best").parameters, run.monitor.measures.returns.average.parameters)
    assert run.folder.load("best").best_evaluation is None


def test_where_nothing_is_evaluated_what_did_not_confirm_is_not_the_best(new_run):
    run = new_run(evaluate_every=0, target_return=5.0)
    run.work(*REACHED)
    best = run.monitor.measures.returns.average.parameters
    run.work(*[3.0] * 100)
    run.play(*[1.0] * 100)
    np.testing.assert_array_equal(run.monitor.keeper.best_checkpoint().parameters, best)


def test_that_the_evaluator_cannot_even_be_asked_is_said_once(new_run):
    run = new_run(evaluate_every=20)
    run.evaluators.cannot_be_asked = "its environment cannot be made"
    run.work(*[1.0] * 100, steps=20)
    run.monitor.tick()
    run.monitor.evaluate_at_end(lambda: True)
    assert run.summary()["remarks"] == ["evaluation beside training has ended: its environment cannot be made"]


@pytest.mark.parametrize("waiting", [True, False])
def test_a_run_of_which_nothing_was_evaluated_or_saved_yet_ends_well_all_the_same(new_run, tmp_path, waiting):
    run = new_run(tmp_path, evaluate_every=20)
    run.work(1.0, steps=20)
    run.monitor.tick()
    run.evaluators.ended = "its environment raised" if waiting else None
    run.monitor.evaluate_at_end(lambda: waiting)
    run.monitor.finish("finished")
    assert run.summary()["best_evaluation"] is None
    assert run.folder.load("latest").best_evaluation is None


def test_a_resumed_run_whose_best_is_damaged_goes_on_with_what_it_has(new_run, tmp_path):
    run = new_run(tmp_path, evaluate_every=20)
    run.evaluators.returns = [3.0]
    run.work(1.0, steps=20)
    run.monitor.tick()
    run.monitor.save()
    run.folder.checkpoint_path("best").write_bytes(b"")
    after = run.follow(run.folder.load("latest"))
    after.evaluate_at_end(lambda: True)
    np.testing.assert_array_equal(after.keeper.best_checkpoint().parameters, run.store.parameters)
    after.finish("finished")


def test_a_resumed_run_keeps_its_best_and_its_rows(new_run, tmp_path):
    run = new_run(tmp_path, evaluate_every=20)
    run.evaluators.returns = [3.0]
    run.work(1.0, steps=20)
    run.monitor.tick()
    best = run.store.parameters
    run.monitor.save()
    run.monitor.finish("finished")
    after = run.follow(run.folder.load("latest"))
    assert after.evaluations.best_mean == 3.0
    np.testing.assert_array_equal(after.keeper.best_checkpoint().parameters, best)
    assert len(read_rows(run.folder.evaluations_path, EVALUATION_COLUMNS)) == 1
    run.monitor = after
    play_by_parameters(run, best, both_ways([3.0]), otherwise=[2.0])
    run.work(1.0)
    after.evaluate_at_end(lambda: True)
    assert [e.step for e in after.news().evaluations if e.purpose == "final"] == [20, 20]
    after.finish("finished")
