"""Environments stepped one after the other, as a vector environment; only what is used of what they give is batched."""

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Dict, Tuple
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from a3c.environments.masks import KEY
from a3c.environments.results import reset, step
from a3c.environments.spaces import one_of
from a3c.errors import InvalidEnvironment, described

KEPT = ("lives", KEY)
CLOSE_WITHIN = 8.0
"""Seconds that an environment may take to close."""


class SerialVectorEnv(VectorEnv):
    """Environments as a vector, in NEXT_STEP mode: what SyncVectorEnv does, in less time.

    Of `info` there are the number of lives and the action mask alone, `info["lives"]` and `info["action_mask"]`, where
    the environments tell them: the rest may be anything. All that were made are closed, also where one cannot be made
    or raises while it is closed.
    """

    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012  as VectorEnv has it

    def __init__(self, makers: Sequence[Callable[[], gymnasium.Env]], started: Callable[[], object] = lambda: None):
        """`started` is called whenever one of them has been made, or reset with the others: many that take long each
        are no hang. Raises what they raise, and InvalidEnvironment where their spaces differ."""
        self.envs: list[gymnasium.Env] = []
        self._started = started
        try:
            for make in makers:
                self.envs.append(make())
                started()
                _check_alike(self.envs)
        except BaseException:
            close(self)
            raise
        self.num_envs = len(self.envs)
        self.single_observation_space = self.envs[0].observation_space
        self.single_action_space = self.envs[0].action_space
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._composite = isinstance(self.single_observation_space, Dict | Tuple)
        # Named as in SyncVectorEnv: where one is wrong, it is looked for here.
        self._env_obs: list[Any] = []
        self._ended = [False] * self.num_envs
        self.infos: list[Any] = []
        """What each of them said at the last step or reset, as it came."""

    def reset(self, *, seed: Any = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """`seed` is an integer, which the environments take and those that follow, or a list of one for each."""
        if not isinstance(seed, list):
            seed = [None if seed is None else seed + index for index in range(self.num_envs)]
        given = []
        for environment, one in zip(self.envs, seed, strict=True):
            given.append(reset(environment, one))
            self._started()
        self._env_obs = [observation for observation, _ in given]
        self._ended = [False] * self.num_envs
        self.infos = [info for _, info in given]
        return self._batch(), _kept(self.infos)

    def step(self, actions: Any) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        rewards, terminated, truncated, infos = [], [], [], []
        if isinstance(self.single_action_space, Dict | Tuple):
            actions = [one_of(actions, index) for index in range(self.num_envs)]
        for index, environment in enumerate(self.envs):
            if self._ended[index]:
                observation, info = reset(environment)
                reward, terminates, truncates = 0.0, False, False
            else:
                observation, reward, terminates, truncates, info = step(environment, actions[index])
            self._env_obs[index], self._ended[index] = observation, terminates or truncates
            rewards.append(reward)
            terminated.append(terminates)
            truncated.append(truncates)
            infos.append(info)
        self.infos = infos
        return self._batch(), np.array(rewards), np.array(terminated), np.array(truncated), _kept(infos)

    def _batch(self) -> Any:
        """A copy of what they gave: an environment may write into it at its next step."""
        if self._composite:
            return _batched(self.single_observation_space, self._env_obs)
        return np.array(self._env_obs)

    def close_extras(self, **kwargs: Any) -> None:
        """Each in its turn; raises what the first of those that raised did."""
        failures: list[Exception] = []
        for environment in self.envs:
            try:
                with _within(CLOSE_WITHIN):
                    environment.close()
            except Exception as error:
                failures.append(error)
        self.envs = []
        if failures:
            raise failures[0]


def close(environment: gymnasium.Env | VectorEnv) -> str:
    """Closes it. What went wrong there, in one line, as it spoils nothing of what was done before; else nothing."""
    # Of several each has its own time.
    within = nullcontext() if isinstance(environment.unwrapped, SerialVectorEnv) else _within(CLOSE_WITHIN)
    try:
        with within:
            environment.close()
    except Exception as error:
        return f"closing the environment failed, which changes no result: {described(error)}"
    return ""


def close_and_say(environment: gymnasium.Env | VectorEnv) -> None:
    """Closes it, and logs what went wrong there."""
    if wrong := close(environment):
        logging.getLogger("a3c").warning(wrong)


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raises TimeoutError in what takes longer; only the main thread can be interrupted so, and not on Windows."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def late(number: int, frame: Any) -> None:
        raise TimeoutError(f"it took longer than {seconds:g} s, and was interrupted")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _check_alike(environments: list[gymnasium.Env]) -> None:
    """Whether the last has the spaces of the first."""
    first, last = environments[0], environments[-1]
    for name in ("observation_space", "action_space"):
        ours, theirs = getattr(first, name), getattr(last, name)
        if ours is not theirs and ours != theirs:
            raise InvalidEnvironment(
                f"the environments of a worker must be alike, but the {name} of environment 0 is {ours}, and that of "
                f"environment {len(environments) - 1} is {theirs}".replace("\n", "")
            )


def _batched(space: gymnasium.Space, observations: list[Any]) -> Any:
    """In the form of the space, its parts batched."""
    if isinstance(space, Dict):
        return {key: _batched(part, [one[key] for one in observations]) for key, part in space.spaces.items()}
    if isinstance(space, Tuple):
        return tuple(_batched(part, [one[key] for one in observations]) for key, part in enumerate(space.spaces))
    return np.array(observations)


def _kept(infos: list[Any]) -> dict[str, Any]:
    """What is kept of `info`, as far as the first tells it; lists, as nobody may want to know."""
    first = infos[0]
    if not first or not isinstance(first, dict):
        return {}
    return {key: [info.get(key) for info in infos] for key in KEPT if key in first}
