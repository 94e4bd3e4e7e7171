"""Acting with what was trained at one moment: predict, value, evaluate, save. An Agent learns besides.

In use:

    acting = training.snapshot()         in a callback
    acting.evaluate(episodes=20).mean
    acting.save("now.safetensors")
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import gymnasium
import numpy as np
from numpy.typing import ArrayLike

from a3c.algorithm import Algorithm
from a3c.arguments import named_arguments
from a3c.config import TrainConfig
from a3c.config.environment import MOST_EPISODE_STEPS
from a3c.config.evaluating import Way
from a3c.config.making import number
from a3c.environments.given import Observation, given_masks, given_state, pack_given
from a3c.environments.masks import KEY
from a3c.environments.spaces import one_of
from a3c.errors import ExportError, SettingsError
from a3c.evaluation import Evaluation, Manner, Player, evaluate
from a3c.learning.snapshot import Snapshot
from a3c.networks.distribution import ActionDistribution, describe
from a3c.networks.keras_model import KerasActorCritic
from a3c.networks.policy import Policy
from a3c.notebook import table
from a3c.roles.worker import Work
from a3c.runs.checkpoint import Checkpoint

if TYPE_CHECKING:
    import keras  # pyright: ignore[reportMissingTypeStubs]: it has none

    from a3c.exporting import Exported, Format

ActionMask: TypeAlias = ArrayLike | Sequence[ArrayLike]
"""Which actions may be taken: 1 or True for each that may, in a row or as an array for each choice."""
# Its form is that of the action space, which no checker knows: a union of all would fit the code of nobody.
Action: TypeAlias = Any
"""What an environment's `step` takes: a number where a single choice is made, else an array, and for a Dict or Tuple
such for each of its parts. A batch has an array in the place of each."""


class ActingAgent:
    """A policy with its parameters, as they were at one moment, and its environment. It never changes."""

    algorithm: Algorithm

    def __init__(self, work: Work, start: Checkpoint):
        """Of a run's work, and a checkpoint of it; a callback gets one from `training.snapshot()`."""
        self.algorithm = start.config.algorithm
        self._work, self._start = work, start
        self._generator = np.random.default_rng(np.random.SeedSequence(self.config.seed or 0, spawn_key=(2,)))

    _holds = ""
    """Which parameters it has, where more than one moment's are known."""

    def __repr__(self) -> str:
        """Short; all settings are in `config`."""
        counts, what = self._start.counts, f"{self.algorithm} on {self.config.environment}"
        if not (counts["updates"] or self._holds):
            return f"<{type(self).__name__}: {what}, not trained yet>"
        holds = f", holds {self._holds}" if self._holds else ""
        return f"<{type(self).__name__}: {what}, {counts['steps']:,} steps, {counts['updates']:,} updates{holds}>"

    def _repr_html_(self) -> str:
        start, config = self._start, self.config
        rows = {
            **start.counts,
            "holds": self._holds or None,
            "plays": start.plays,
            "network": self._work.description,
            "parameters": self.policy.size,
            "target return": config.target_return,
            "workers": config.workers,
        }
        return table(f"{self.algorithm} on {config.environment}, seed {config.seed}", rows)

    @property
    def config(self) -> TrainConfig:
        """The settings, with those left open filled in."""
        return self._start.config

    @property
    def policy(self) -> Policy:
        """The network and its action distribution, which is called with a snapshot."""
        return self._work.policy

    @property
    def parameters(self) -> np.ndarray:
        """What was learned, `[P]` float32, which cannot be written to."""
        self._check_idle("parameters")
        return self._start.snapshot.parameters

    @property
    def snapshot(self) -> Snapshot:
        """What the policy acts with: parameters, running statistics, and the updates behind them."""
        self._check_idle("snapshot")
        return self._start.snapshot

    @property
    def plays(self) -> Way:
        """How it plays where nothing else is asked for: by its most probable actions, "greedy", or by drawn ones,
        "sampled". It is what its checkpoint records, as evaluations found it."""
        self._check_idle("plays")
        return self._start.plays

    def manner(self, deterministic: bool | None = None) -> Manner:
        """How it plays when `predict`, `evaluate` or `play` are asked for this."""
        if self.algorithm.acts == "nowhere":
            return Manner("at random")
        if deterministic is None:
            return Manner(self.plays, recorded=True)
        return Manner("greedy" if deterministic else "sampled")

    def _check_idle(self, what: str) -> None:
        """Raises where this cannot be done now. An agent of one moment can do all at any time."""

    @named_arguments
    def predict(
        self,
        observation: Observation,
        state: ArrayLike | None = None,
        deterministic: bool | None = None,
        action_mask: ActionMask | None = None,
    ) -> tuple[Action, np.ndarray | None]:
        """The action for one observation, or the actions for a batch of them.

        Args:
            observation: of the environment's shape, or with a batch axis before it.
            state: what a recurrent policy remembers, as it was given with the action before; None at an episode's
                start. In a batch, set the rows of environments that start an episode to 0. None for other policies.
            deterministic: the most probable action (the mean, where actions are numbers), or one drawn from the policy;
                by default what is recorded for this model: see `plays`.
            action_mask: which actions may be taken, `[n]` for a Discrete space and `[sum(nvec)]` (or a tuple with an
                array for each choice) for a MultiDiscrete one, with a batch axis before it in a batch. Default: that
                under the key `action_mask` of the observation, where masks are found there; else all may be taken.

        Returns:
            Action (or actions, `[batch]`), and the next state, `[S]` (or `[batch, S]`).

        Raises:
            InvalidObservation: it is no observation, nor a batch, or the mask is none; in one line.
        """
        self._check_idle("predict()")
        return self._choose(self._start.snapshot, observation, state, self.manner(deterministic), action_mask)

    def _choose(
        self,
        snapshot: Snapshot,
        observation: Observation,
        state: ArrayLike | None,
        manner: Manner,
        action_mask: ActionMask | None,
    ) -> tuple[Action, Any]:
        """`predict` with this snapshot."""
        given, single = self._given(observation, state, action_mask)
        actions, states = self._player(snapshot, manner)(*given)
        if self._work.policy.recurrent and self.algorithm.acts != "nowhere":
            state = np.array(states[0] if single else states)
        return (one_of(actions, 0) if single else actions), state

    def _player(self, snapshot: Snapshot, manner: Manner) -> Player:
        random = self.algorithm.acts == "nowhere"
        return Player(self._work.policy, snapshot, manner.way, self._generator, random)

    def _given(
        self, observation: Any, state: ArrayLike | None, action_mask: ActionMask | None
    ) -> tuple[tuple[np.ndarray, np.ndarray | None, np.ndarray | None], bool]:
        """What a policy takes, of one observation or of a batch, and whether it is one: packed observations, the states
        of a recurrent policy, and the masks, None where all actions may be taken. Raises InvalidObservation."""
        policy: Any = self._work.policy
        batch, single = pack_given(policy.observations, observation)
        remembered = given_state(state, (len(batch), policy.layout.state), single) if policy.recurrent else None
        if action_mask is None and self.config.action_masks and isinstance(observation, Mapping):
            action_mask = cast("Mapping[str, Any]", observation).get(KEY)
        masks = None if action_mask is None else given_masks(policy.actions.space, action_mask, len(batch), single)
        return (batch, remembered, masks), single

    @property
    def _unit(self) -> float:
        """What values are in: deviations of returns, where rewards are normalised."""
        return float(self._start.snapshot.return_deviation) if self.config.rewards_are_normalized else 1.0

    @named_arguments
    def value(
        self, observation: Observation, state: ArrayLike | None = None, action_mask: ActionMask | None = None
    ) -> float | np.ndarray:
        """The critic's estimate for one observation, or for a batch: of the discounted return in the rewards that the
        environment gives, times reward_scale.

        `state` is that of `predict`, from the step before, and `action_mask` too is as there: where actions have values
        it is that of the best one that may be taken.
        """
        self._check_idle("value()")
        policy: Any = self._work.policy
        given, single = self._given(observation, state, action_mask)
        values = np.asarray(policy.value(self._start.snapshot, *given)) * self._unit
        return float(values[0]) if single else values

    @named_arguments
    def distribution(
        self, observation: Observation, state: ArrayLike | None = None, action_mask: ActionMask | None = None
    ) -> ActionDistribution:
        """What the policy would do after one observation, or after each of a batch: probabilities of actions, or mean
        and standard deviation of numbers in the environment's units, and what it expects. Of a Dict or Tuple of
        actions, those of each part.

        In use: `agent.distribution(observation).probabilities`. `state` is that of `predict`, from the step before,
        and `action_mask` too is as there.

        Raises:
            InvalidObservation: it is no observation, nor a batch.
            SettingsError: the agent is a RandomAgent, whose actions no policy draws.
        """
        self._check_idle("distribution()")
        if self.algorithm.acts == "nowhere":
            raise SettingsError("distribution: the actions of a random agent are uniform, whatever is observed")
        policy: Any = self._work.policy
        given, single = self._given(observation, state, action_mask)
        distribution, values = policy.distribution(self._start.snapshot, *given)
        return describe(policy.actions, distribution, values, self._unit, single)

    @named_arguments
    def evaluate(
        self,
        episodes: int = 100,
        *,
        deterministic: bool | None = None,
        seed: int | None = None,
        max_episode_steps: int = MOST_EPISODE_STEPS,
        progress: bool = False,
    ) -> Evaluation:
        """Plays `episodes` whole episodes, on `evaluation_environment` where one is set, and learns nothing.

        Raises SettingsError where that was a function, and was not given to `a3c.load` again.

        Args:
            episodes: how many.
            deterministic: whether the most probable actions are taken, or drawn ones; by default what is recorded for
                this model: see `plays`. Evaluation.manner says what was done.
            seed: of the environments; by default the agent's own.
            max_episode_steps: steps after which an episode that does not end is cut; it counts with its return until
                then, and Evaluation.cut says how many there were.
            progress: whether to show a line on the standard error where it takes long.
        """
        self._check_idle("evaluate()")
        snapshot, manner = self._start.snapshot, self.manner(deterministic)
        evaluation = evaluate(
            self._work.evaluation_environments,
            self._player(snapshot, manner),
            number("episodes", episodes),
            self.config.seed if seed is None else number("seed", seed),
            max_episode_steps=number("max_episode_steps", max_episode_steps),
            progress=progress,
        )
        return dataclasses.replace(evaluation, manner=manner)

    def make_environment(self, **kwargs: object) -> gymnasium.Env:
        """One environment as for play, of those that are evaluated on; `kwargs` such as `render_mode` are added. Raises
        SettingsError as `evaluate` does."""
        return self._work.evaluation_environments.make(**kwargs)

    def keras_model(self) -> "keras.Model":
        """The keras.Model that the agent was given as its network, holding what was learned; `.save(...)` it, say.

        A model of features alone comes with the heads, `policy` and `value`, that were added. What it is called with is
        what the network gets: bytes as `(byte - pixel_mean) / pixel_std`, choices one-hot, all else normalised if the
        agent normalises it. Its value is of rewards as they were learned from, in deviations where these were
        normalised.

        Raises SettingsError where the network is no Keras model.
        """
        self._check_idle("keras_model()")
        network = self._work.policy.network(self._start.parameters)  # type: ignore[arg-type]
        if not isinstance(network, KerasActorCritic):
            raise SettingsError("keras_model: the network of this agent is no Keras model")
        return network.keras_model()

    @named_arguments
    def export(
        self, path: str | Path, *, format: "Format | None" = None, deterministic: bool | None = None
    ) -> "Exported":
        """Writes what acts elsewhere, without JAX: an ONNX file, from the environment's observations to its actions,
        checked against this agent before it has its name; or the parameters alone, by the names of the layers.

        Args:
            path: the file to write; it ends in .onnx, .safetensors or .npz, unless `format` is given.
            format: "onnx", which needs the extra of that name, "safetensors" or "numpy"; by default as the path ends.
            deterministic: whether the action is the most probable one, or drawn by an input `noise`; by default what is
                recorded for this model: see `plays`.

        Returns:
            What goes in and what comes out, to be printed.

        Raises ExportError, in one line, for what has no form there.
        """
        self._check_idle("export()")
        from a3c.exporting import export

        manner = self.manner(deterministic)
        if manner.policy == "at random":
            raise ExportError("this agent draws any of the actions, and has no policy that could be exported")
        return export(Path(path), format, self._work.policy, self._start.snapshot, self.config, manner.way)

    @named_arguments
    def save(self, path: str | Path) -> None:
        """Saves all that acting and further training need, in one safetensors file that holds no code."""
        self._check_idle("save()")
        self._start.save(path)
