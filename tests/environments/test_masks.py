"""Action masks are read wherever environments give them, and what is none is named."""

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete
from gymnasium.vector import SyncVectorEnv
from gymnasium.wrappers import TimeLimit

from a3c.environments.masks import choose_valid, flat_mask, mask_counts, mask_of, offered_by, sample_valid, unmasked
from a3c.environments.pixels import FrameSkip
from a3c.environments.serial import SerialVectorEnv
from a3c.environments.stepper import Stepper
from a3c.errors import InvalidEnvironment
from a3c.rollout.random_play import play_randomly
from environments_for_tests import MODES, Corridor
from masked_for_tests import WAYS, Masked, masked_vectors

each_way = pytest.mark.parametrize("says", WAYS)


@each_way
def test_they_are_found_through_wrappers_and_give_valid_actions(says):
    environment = TimeLimit(Masked(says, choices=(2, 3)), 100)
    assert offered_by(environment) == says
    observation, info = environment.reset(seed=1)
    for _ in range(50):
        # It raises at actions that are not valid.
        action = sample_valid(environment, observation, info)
        observation, _, terminated, truncated, info = environment.step(action)
        if terminated or truncated:
            observation, info = environment.reset()
        np.testing.assert_array_equal(mask_of(environment, observation, info), environment.unwrapped.mask)


def test_others_have_none():
    assert offered_by(Corridor()) is None
    assert [mask_counts(space) for space in (Box(0, 1, (2,)), MultiBinary(3))] == [(), ()]
    assert mask_counts(MultiDiscrete([[2, 3], [4, 5]])) == (2, 3, 4, 5)
    seen = Dict({"seen": Discrete(2)})
    assert unmasked(Dict({"action_mask": MultiBinary(2), **seen.spaces})) == seen == unmasked(seen)
    with pytest.raises(InvalidEnvironment, match="nothing but action_mask"):
        unmasked(Dict({"action_mask": MultiBinary(2)}))


@each_way
@pytest.mark.parametrize("mode", [None, *MODES], ids=lambda mode: "ours" if mode is None else mode.value)
def test_a_stepper_has_those_of_its_observations_however_the_next_episode_starts(says, mode):
    environments = SerialVectorEnv([lambda: Masked(says)] * 3) if mode is None else masked_vectors(mode, says=says)(3)
    stepper, finals = Stepper(environments, np.random.SeedSequence(0), masks=True), 0
    for _ in range(14):
        seen = stepper.observations[:, :6].astype(bool)
        # In a last observation none is valid: nothing is to be chosen there.
        np.testing.assert_array_equal(stepper.masks, seen | ~seen.any(axis=1, keepdims=True))
        step = stepper.step(stepper.masks.argmax(axis=1))
        if step.final_observations is not None:
            assert step.final_masks[step.done].all()
            finals += 1
    assert finals == (0 if mode is None or mode.value == "NextStep" else 2)


@pytest.mark.parametrize("mode", [None, *MODES], ids=lambda mode: "ours" if mode is None else mode.value)
def test_where_an_episode_is_cut_off_its_last_mask_counts(mode):
    class Cut(Masked):
        def step(self, action):
            observation, reward, _, _, info = super().step(action)
            # In the middle, where some are valid.
            return observation, reward, False, self.steps == 2, info

    environments = SerialVectorEnv([Cut]) if mode is None else SyncVectorEnv([Cut], autoreset_mode=mode)
    stepper = Stepper(environments, np.random.SeedSequence(0), masks=True)
    stepper.step(stepper.masks.argmax(axis=1))
    step = stepper.step(stepper.masks.argmax(axis=1))
    final = stepper.masks if step.final_masks is None else step.final_masks
    last = stepper.observations if step.final_observations is None else step.final_observations
    assert step.truncated.all()
    assert not final.all()
    np.testing.assert_array_equal(final, last[:, :6].astype(bool))


WRONG = {
    "no valid action": (np.zeros(6, np.int8), "without any valid action: terminate the episode where there is none"),
    "a shape": (np.ones(5, bool), r"has shape \(5,\): make it an array of 6, 1 for each action that may be taken"),
    "numbers": (np.full(6, 2.0), "holds 2.0: 1 is for an action that may be taken, 0 for others"),
    "minus infinity": (np.array([0, -np.inf, 0, 0, 0, 0]), "holds -inf: 1 is for an action"),
    "text": ("101010", "is 101010: make it an array of 6"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_mask_that_is_none_is_named_with_step_and_environment(wrong):
    mask, words = WRONG[wrong]
    environments = SerialVectorEnv([Masked, lambda: Masked(wrong=mask)])
    stepper = Stepper(environments, np.random.SeedSequence(0), masks=True)
    where = r"^environment 1 gave an action mask (that )?" + words + r".* \(step 3 of this worker's environments\)$"
    for _ in range(2):
        stepper.step(stepper.masks.argmax(axis=1))
    with pytest.raises(InvalidEnvironment, match=where):
        stepper.step(stepper.masks.argmax(axis=1))


def test_a_mask_that_goes_missing_is_named():
    class Forgetful(Masked):
        def step(self, action):
            return *super().step(action)[:4], {}

    stepper = Stepper(SerialVectorEnv([Forgetful]), np.random.SeedSequence(0), masks=True)
    with pytest.raises(
        InvalidEnvironment, match=r"environment 0 gave an action mask that is missing: give them in info"
    ):
        stepper.step(stepper.masks.argmax(axis=1))
    with pytest.raises(InvalidEnvironment, match=r"gives no action masks, and `action_masks` is on: give them in info"):
        Stepper(SerialVectorEnv([Corridor]), np.random.SeedSequence(0), masks=True)


def test_choices_each_have_a_part_of_the_mask():
    expected = np.array([1, 0, 0, 1, 1], bool)
    for given in (
        expected,
        expected.astype(np.int8),
        expected.tolist(),
        (expected[:2], expected[2:]),
        [[1, 0], [0, 1, 1]],
    ):
        np.testing.assert_array_equal(flat_mask(given, (2, 3)), expected)
    np.testing.assert_array_equal(flat_mask(np.eye(2, dtype=int), (2, 2)), [1, 0, 0, 1])
    with pytest.raises(ValueError, match="has parts of 3, 2: the choices have 2, 3 options"):
        flat_mask((expected[2:], expected[:2]), (2, 3))
    masked = Masked(choices=(2, 3), wrong=np.array([1, 1, 0, 0, 0]))
    stepper = Stepper(SerialVectorEnv([lambda: masked]), np.random.SeedSequence(0), masks=True)

    def first_valid():
        return np.stack([part.argmax(axis=1) for part in np.split(stepper.masks, [2], axis=1)], axis=1)

    for _ in range(2):
        stepper.step(first_valid())
    with pytest.raises(InvalidEnvironment, match="without any valid action for choice 1:"):
        stepper.step(first_valid())


def test_random_actions_are_evenly_shared_among_the_valid_ones():
    mask, count = np.array([0, 1, 1, 0, 1, 1, 0], bool), 12_000
    noise = ((np.arange(count) + 0.5) / count).astype(np.float32)[:, None].repeat(2, axis=1)
    chosen = choose_valid(noise, np.tile(mask, (count, 1)), (4, 3))
    assert np.bincount(chosen[:, 0], minlength=4).tolist() == [0, 6000, 6000, 0]
    assert np.bincount(chosen[:, 1], minlength=3).tolist() == [6000, 6000, 0]
    nearly_one = np.nextafter(np.float32(1), np.float32(0))
    assert choose_valid(np.full((1, 2), nearly_one), mask[None], (4, 3)).tolist() == [[2, 1]]


class Late(Masked):
    """With masks from the first step on."""

    def reset(self, **how):
        observation, _ = super().reset(**how)
        self.mask = np.ones(6, np.int8)
        return observation, {}


def test_random_play_says_what_is_wrong_with_masks():
    steps = {"observations": None, "steps": 50, "seconds": 0, "seed": 1}
    assert not play_randomly(Masked("info"), **steps).late_masks
    late = play_randomly(Late("info"), **steps)
    assert late.late_masks
    wrong = play_randomly(Masked("info", wrong=np.zeros(6, np.int8)), **steps)
    assert wrong.failure.startswith("the environment gave an action mask without any valid action: terminate")


@each_way
@pytest.mark.parametrize(("choices", "start"), [((6,), 2), ((3, 2), 0)])
def test_an_action_is_repeated_no_longer_than_it_is_valid(says, choices, start):
    """Masked raises at one that is not."""
    environment = FrameSkip(Masked(says, choices, start), 4)
    environment.action_space.seed(0)
    taken = []
    for seed in range(20):
        observation, info = environment.reset(seed=seed)
        ended, steps = False, 0
        while not ended:
            action = sample_valid(environment, observation, info)
            observation, _, terminated, truncated, info = environment.step(action)
            taken.append(environment.unwrapped.steps - steps)
            ended, steps = terminated or truncated, environment.unwrapped.steps
    assert max(taken) > 1
    assert min(taken) == 1


def test_where_masks_are_off_actions_are_repeated_all_the_same():
    environment = FrameSkip(Masked(), 4, masked=False)
    environment.reset(seed=0)
    action = int(np.flatnonzero(environment.unwrapped.mask)[0])
    with pytest.raises(AssertionError, match="is not valid"):
        environment.step(action)
