"""Workers in order: one seed gives one result, however slow each worker is at any moment."""

from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest
from learning_agents import learned, make

from a3c.errors import SettingsError, WorkerError
from a3c.runs.folder import RunFolder
from a3c.runs.metrics import read_rows
from environments_for_tests import Bandit, Broken, Corridor, Recall, Uneven
from masked_for_tests import Masked

SMALL = {"backend": "processes", "envs_per_worker": 2, "segment_length": 8, "hidden": (4,), "log": ()}
NORMAL = {"normalize_observations": True, "normalize_rewards": True}
ANNEALED = {"learning_rate_final": 0.0, "anneal_steps": 600, "epsilon": (0.2, 0.1), "epsilon_final": (0.0,)}
ANNEALED |= {"epsilon_anneal_steps": 600}


def uneven(environment: Any, *arguments: Any) -> gymnasium.Env:
    return Uneven(gymnasium.make(environment, *arguments) if isinstance(environment, str) else environment(*arguments))


CASES = {
    "discrete, annealed": ("a3c", 3, partial(uneven, Corridor), 600, ANNEALED),
    "continuous, normalised": ("a3c", 2, partial(uneven, "Pendulum-v1"), 700, NORMAL),
    "recurrent": ("a3c", 2, partial(uneven, Recall), 500, {"recurrent": "lstm", "recurrent_units": 4}),
    "several passes, normalised": (
        *("appo", 3, partial(uneven, "Pendulum-v1"), 700),
        {"minibatch_size": 4, "target_kl": 0.01, "learning_rate_final": 0.0, "anneal_steps": 700, **NORMAL},
    ),
    "a target network, memory": (
        *("one-step-sarsa", 3, partial(uneven, Recall), 500),
        {"recurrent": "gru", "recurrent_units": 4, "target_interval": 20, "normalize_rewards": True},
    ),
    "masked": ("impala", 2, partial(uneven, Masked), 400, {"min_batch": 32}),
    "a learner, normalised": ("impala", 2, partial(uneven, "CartPole-v1"), 600, {"min_batch": 32, **NORMAL}),
    "a learner with a target network": (
        *("impact", 2, partial(uneven, Corridor), 400),
        {"min_batch": 32, "buffer_size": 2, "passes": 3, "target_updates": 4, "normalize_observations": True},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_one_seed_gives_one_result_whoever_is_slow(case, tmp_path):
    algorithm, workers, environment, steps, settings = CASES[case]
    results, rows = [], []
    for run in ("first", "second"):
        agent = make(environment, algorithm, seed=1, **SMALL | {"workers": workers, "ordered": True} | settings)
        results.append(agent.learn(steps=steps, run=tmp_path / run))
        # All but the seconds.
        rows.append([row[:1] + row[2:] for row in read_rows(RunFolder(tmp_path / run).episodes_path)])
    first, second = results
    for before, after in zip(learned(first), learned(second), strict=True):
        assert np.isfinite(before).all()
        np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(first.latest.moments, second.latest.moments)
    np.testing.assert_array_equal(first.latest.target, second.latest.target)
    assert first.latest.counts == second.latest.counts
    assert steps <= first.summary["steps"] < steps + workers * 16
    assert first.summary["reproducible"]
    assert rows[0] == rows[1]
    assert [int(row[0]) for row in rows[0]] == sorted(int(row[0]) for row in rows[0])
    assert len(rows[0]) == first.summary["episodes"]


def test_a_target_is_reached_at_the_same_update_in_every_run():
    settings = SMALL | {"workers": 2, "ordered": True, "learning_rate": 0.05}
    results = [make(partial(uneven, Bandit), seed=2, **settings).learn(target_return=0.8) for _ in range(2)]
    summaries = [result.summary for result in results]
    for name in ("status", "solved_at_step", "steps", "updates", "episodes", "reproducible"):
        assert summaries[0][name] == summaries[1][name]
    assert summaries[0]["status"] == "solved"
    # Those who were on their way take their turns yet.
    assert 0 <= summaries[0]["steps"] - summaries[0]["solved_at_step"] <= 16
    np.testing.assert_array_equal(*(result.latest.parameters for result in results))


def test_who_fails_in_the_midst_of_a_round_ends_the_run():
    agent = make(partial(Broken, "reward", float("nan"), 5), **SMALL | {"workers": 2, "ordered": True})
    with pytest.raises(WorkerError, match="reward"):
        agent.learn(steps=10_000)


@pytest.mark.parametrize(
    ("algorithm", "settings", "says"),
    [
        (
            "ga3c",
            {},
            "`algorithm` ga3c has no order to its updates: leave `ordered` out, or use a3c, a2c, appo, impact, "
            "impala, n-step-q, one-step-q, one-step-sarsa, pqn",
        ),
        ("a3c", {"locked": True}, "`locked` is of no use with `ordered`"),
    ],
)
def test_what_has_no_order_is_refused_in_a_line(algorithm, settings, says):
    with pytest.raises(SettingsError, match=says):
        make(Corridor, algorithm, backend="processes", ordered=True, **settings)


@pytest.mark.parametrize(("algorithm", "settings"), [("a2c", {"backend": "processes"}), ("ga3c", {})])
def test_what_gives_one_result_anyway_takes_it(algorithm, settings):
    assert make(Corridor, algorithm, ordered=True, **settings).config.ordered


def test_a_run_says_whether_it_gives_one_result():
    reproducible = ("reproducible", "reproducible_why_not")
    small = {"envs_per_worker": 2, "segment_length": 4, "hidden": ()}

    def learn(config, **how):
        result = make(Corridor, **config, **small).learn(**how)
        return [result.summary[name] for name in reproducible]

    inline = {"backend": "inline"}
    assert learn(inline, steps=16) == [True, None]
    often = {**inline, "checkpoint_steps": 64}
    assert learn(often, steps=10_000, callback=lambda training: False) == [False, "a callback ended it"]
    assert learn(inline, seconds=0.05) == [False, "the limit on seconds ended it"]
