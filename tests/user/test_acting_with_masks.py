"""Action masks as users meet them: on the start line, in files, when a saved agent acts, and in what goes wrong."""

import json
from functools import partial

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from safetensors.numpy import load_file, save

import a3c
import mutations
from a3c.errors import InvalidObservation, SettingsError
from a3c.playing import play
from environments_for_tests import Corridor
from masked_for_tests import Masked, masked_vectors

SMALL = {"backend": "inline", "seed": 1, "envs_per_worker": 2, "segment_length": 6, "hidden": ()}
SEEN, MASK = np.zeros(7, np.float32), np.array([0, 1, 0, 0, 1, 0], np.int8)
MODULE = """
import gymnasium
import numpy as np
from masked_for_tests import Masked


def several():
    return Masked(choices=(2, 3))


def wrong():
    return gymnasium.wrappers.TransformObservation(Masked("method", wrong=np.zeros(6)), lambda seen: seen, None)


def short():
    environment = Masked("method")
    environment.action_masks = lambda: [1, 0]
    return environment
"""


class Drawn(Masked):
    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012

    def __init__(self, render_mode=None):
        super().__init__()
        self.render_mode = render_mode

    def render(self):
        return np.full((8, 8, 3), 40 * self.steps, np.uint8)


def test_a_run_says_so_and_its_checkpoints_know(command, tmp_path):
    (tmp_path / "mine.py").write_text(MODULE)
    small = ["--backend", "inline", "--seed", "1", "--envs-per-worker", "2", "--steps", "60", "--hidden", "4"]
    outcome = command("train", "mine:several", *small, "--run", "run")
    assert outcome.status == 0, outcome.err
    assert "(6 numbers; float32 normalised); action masks from info['action_mask']\n" in outcome.out
    assert "\naction_masks = true\n" in (tmp_path / "run" / "config.toml").read_text()
    # It raises at actions that are not valid.
    assert command("evaluate", "run", "--episodes", "3", "--stochastic", "--import-module", "mine").status == 0
    outcome = command("train", "mine:several", *small, "--run", "off", "--no-action-masks")
    assert outcome.status == 1
    assert "action masks from" not in outcome.out
    assert "is not valid: [" in outcome.err.splitlines()[-1]
    outcome = command("train", "mine:short", *small, "--run", "short")
    assert outcome.status == 2
    assert outcome.err.splitlines()[-1] == (
        "a3c train: the environment gave an action mask that has shape (2,): make it an array of 6, 1 for each action "
        "that may be taken, 0 for the others; or turn --action-masks off"
    )
    assert not (tmp_path / "short").exists()
    outcome = command("train", "mine:wrong", *small, "--run", "wrong")
    assert outcome.status == 2
    assert "gave an action mask without any valid action: terminate the episode" in outcome.err.splitlines()[-1]
    assert "(step 3 of this worker's environments)" in outcome.err.splitlines()[-1]


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        (Corridor, "`action_masks` is on, but Corridor gives no masks: give"),
        ("Pendulum-v1", "`action_masks` are for Discrete and MultiDiscrete actions, and these are Box"),
    ],
)
def test_they_can_be_required(environment, says):
    with pytest.raises(SettingsError, match=says):
        a3c.A3C(environment, action_masks=True, **SMALL)


def test_evaluation_is_on_environments_that_give_them_too():
    with pytest.raises(
        SettingsError, match=r"`evaluation_environment` .* gives no action masks, and training has them"
    ):
        a3c.A3C(Masked, evaluation_environment=Corridor, **SMALL)
    agent = a3c.A3C(Masked, evaluation_environment=partial(Masked, "method"), **SMALL)
    assert agent.evaluate(episodes=2).mean > 0


def test_an_agent_acts_by_the_mask_that_it_is_given(tmp_path):
    agent = a3c.A3C(Masked, **SMALL)
    for deterministic in (True, False):
        assert agent.predict(SEEN, deterministic=deterministic, action_mask=MASK)[0] in (1, 4)
    masks = np.eye(6, dtype=bool)
    assert agent.predict(np.tile(SEEN, (6, 1)), action_mask=masks)[0].tolist() == list(range(6))
    # Without one all may be taken.
    drawn = [agent.predict(SEEN, deterministic=False)[0] for _ in range(60)]
    assert set(drawn) == set(range(6))
    agent.save(tmp_path / "it.safetensors")
    loaded = a3c.load(tmp_path / "it.safetensors", environment=Drawn)
    assert loaded.config.action_masks is True
    assert len(play(loaded, 2, filmstrip=tmp_path / "strip.png", say=str)) == 2
    random = a3c.RandomAgent(Masked, **SMALL)
    assert {int(random.predict(SEEN, action_mask=MASK)[0]) for _ in range(30)} == {1, 4}
    assert int(random.predict(SEEN)[0]) in range(6)


def test_several_choices_take_theirs_in_a_row_or_apart():
    agent, seen = a3c.A3C(partial(Masked, choices=(2, 3)), **SMALL), np.zeros(6, np.float32)
    apart = (np.array([0, 1]), np.array([1, 0, 0]))
    assert agent.predict(seen, action_mask=apart)[0].tolist() == [1, 0]
    assert agent.predict(seen, action_mask=np.concatenate(apart))[0].tolist() == [1, 0]
    batch = tuple(np.tile(part, (4, 1)) for part in apart)
    assert agent.predict(np.tile(seen, (4, 1)), action_mask=batch)[0].tolist() == [[1, 0]] * 4


WRONG = {
    "none valid": ([0] * 6, "action_mask leaves no valid action"),
    "short": ([1, 0], r"action_mask has shape \(2,\): make it an array of 6"),
    "numbers": ([2] * 6, "action_mask holds 2: 1 is for an action that may be taken"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_mask_that_is_none_is_refused_in_a_line(wrong):
    mask, words = WRONG[wrong]
    agent = a3c.A3C(Masked, **SMALL)
    with pytest.raises(InvalidObservation, match=words):
        agent.predict(SEEN, action_mask=mask)
    with pytest.raises(InvalidObservation, match="action_mask has 1 rows for 2 observations: give one for each"):
        agent.predict(np.tile(SEEN, (2, 1)), action_mask=[MASK])
    with pytest.raises(
        InvalidObservation, match="action_mask is for Discrete and MultiDiscrete actions, and these are"
    ):
        a3c.A3C("Pendulum-v1", **SMALL).predict(np.zeros(3), action_mask=[1])


def test_a_mask_in_observations_is_not_seen_but_in_runs_of_before(tmp_path):
    environment, observation = partial(Masked, "observation"), {"action_mask": MASK, "seen": SEEN}
    agent = a3c.A3C(environment, **SMALL)
    assert agent.policy.layout.observation == (7,)
    # It is found there, also when the agent acts.
    assert agent.predict(observation, deterministic=False)[0] in (1, 4)
    before = a3c.A3C(environment, action_masks=False, **SMALL)
    assert before.policy.layout.observation == (13,)
    path = tmp_path / "before.safetensors"
    before.save(path)
    header = mutations.taken_apart(path.read_bytes()).header
    del header["config"]["action_masks"], header["sha256"]
    header["schema"] = 4
    path.write_bytes(save(load_file(path), {"a3c": json.dumps(header)}))
    loaded = a3c.load(path, environment=environment)
    assert loaded.config.action_masks is False
    np.testing.assert_array_equal(loaded.parameters, before.parameters)
    assert loaded.predict(observation, deterministic=True)[0] == before.predict(observation, deterministic=True)[0]


@pytest.mark.parametrize("says", ["info", "nothing"])
def test_where_a_vector_form_gives_none_environments_are_stepped_one_by_one(says, registry):
    def vector(num_envs):
        return masked_vectors(AutoresetMode.SAME_STEP, says=says)(num_envs)

    gymnasium.register("Both-v0", Masked, vector_entry_point=vector)
    agent = a3c.A3C("Both-v0", **SMALL)
    line = "which the environment's vector form lacks: they are stepped one by one"
    assert (line in agent._work.description) is (says == "nothing")
    assert agent.learn(steps=60).summary["steps"] >= 60
