"""Agents: training, acting and saving behind one small class.

In use:

    agent = A3C("CartPole-v1", workers=4, seed=1)
    result = agent.learn(steps=200_000)
    report = agent.evaluate(episodes=100)
    action, state = agent.predict(observation)
    agent.save("cartpole.safetensors"); agent = a3c.load("cartpole.safetensors")
"""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from a3c.config import LIMITS, TrainConfig
from a3c.environments.making import EnvironmentFactory, EnvironmentMaker
from a3c.errors import SettingsError
from a3c.evaluation import Evaluation, evaluate
from a3c.networks.keras_model import KerasActorCritic
from a3c.parallel.processes import check_open_files, start_server
from a3c.parallel.worker import Work
from a3c.policy import Network
from a3c.preparing import prepare
from a3c.recipes import with_recipe
from a3c.runs.checkpoint import Checkpoint
from a3c.runs.folder import RunFolder
from a3c.runs.progress import Progress, make_display
from a3c.settings import make_config
from a3c.training import Interrupted, Result, train


class Agent:
    """An algorithm, an environment, and a policy with its parameters. Use a subclass, such as A3C, or `a3c.load`."""

    algorithm: str

    def __init__(
        self,
        environment: str | EnvironmentFactory,
        *,
        network: Network | str | None = None,
        recipe: str | None = None,
        **settings: Any,
    ):
        """Makes one environment, to see its spaces, and the network.

        Args:
            environment: a Gymnasium id, `module:Id`, `module:Class`, a factory of a gymnasium.Env, or of a vector
                environment (a VectorEnv class, or a function that requires an argument, the number of environments).
                A factory makes a new one at each call. What this process has registered, workers can make too.
            network: the name of a network, such as "nature", or your own: `(observation_space, key) ->
                equinox.Module`, from one observation to features `[n]`; the heads for policy and value are added. Or
                a keras.Model, from a batch of observations to policy and value, or to features `[batch, n]`.
            recipe: the name of a recipe, or "none" for plain defaults. By default the recipe for this id, if any.
            settings: any field of TrainConfig: workers, seed, learning_rate, ...

        Raises:
            SettingsError, InvalidEnvironment, UnsupportedSpace: in one line each.
        """
        if settings.get("backend") != "inline":
            start_server()
        factory = None if isinstance(environment, str) else environment
        settings |= {"algorithm": self.algorithm, "environment": environment if isinstance(environment, str) else ""}
        if isinstance(network, str):
            settings["network"], network = network, None
        config = make_config(with_recipe(recipe, settings), "settings")
        self._adopt(*prepare(config, factory, network))

    def _adopt(self, work: Work, start: Checkpoint) -> None:
        self._work, self._start = work, start
        self._generator = np.random.default_rng(np.random.SeedSequence(self.config.seed or 0, spawn_key=(2,)))

    @classmethod
    def _from_checkpoint(cls, work: Work, start: Checkpoint) -> "Agent":
        agent = object.__new__(cls)
        agent._adopt(work, start)
        return agent

    @property
    def config(self) -> TrainConfig:
        """The settings, with those left open filled in."""
        return self._start.config

    def learn(
        self,
        steps: int | None = None,
        *,
        episodes: int | None = None,
        seconds: float | None = None,
        target_return: float | None = None,
        run: str | Path | None = None,
        progress: bool = False,
        callback: Callable[[Progress], bool | None] | None = None,
    ) -> Result:
        """Trains until the first limit is met, and keeps what was learned; called again, it continues.

        Limits given here replace those of the settings and the recipe.

        Args:
            steps: environment steps to take in this call.
            episodes: episodes to finish in this call.
            seconds: seconds that this call may take.
            target_return: mean return of the last 100 episodes at which to stop; by default the environment's own.
            run: a run folder to write; it must not hold a run yet. Without it nothing is written.
            progress: whether to show a progress line.
            callback: called with a Progress at every report; returning False stops training.

        Raises:
            SettingsError: nothing would ever end the training.
            RunFolderError: `run` holds a run already, or cannot be written.
            WorkerError: a worker raised or died.
            KeyboardInterrupt: on Ctrl-C, after keeping (and, with `run`, saving) what was learned.
        """
        started = time.monotonic()
        # A run is judged by its own episodes, not by those that solved the one before.
        start = dataclasses.replace(
            self._start, returns=[], best_return_mean_100=None, solved_at_step=None, solved_at_second=None
        )
        start.config = _with_limits(start, steps, episodes, seconds, target_return)
        start.config.check_ends()
        work = self._work
        if self.config.backend == "processes":
            check_open_files(start.config.processes)
            work = work.pack()
        folder = RunFolder.create(run, start.config) if run is not None else None
        display = make_display(progress)
        try:
            result = train(start, work, folder=folder, display=display, callback=callback, started=started)
        except Interrupted as interrupted:
            self._keep(interrupted.result.latest)
            raise
        self._keep(result.latest)
        return result

    def _keep(self, latest: Checkpoint) -> None:
        """Keeps what was learned; the limits of the call that learned it are not the agent's."""
        self._start = dataclasses.replace(latest, config=self.config)

    def predict(
        self, observation: Any, state: Any = None, deterministic: bool = True
    ) -> tuple[np.ndarray | np.integer, Any]:
        """The action for one observation, or the actions for a batch of them.

        Args:
            observation: of the environment's shape, or with a batch axis before it.
            state: what a recurrent policy remembers, as it was given with the action before; None at an episode's
                start. In a batch, set the rows of environments that start an episode to 0. None for other policies.
            deterministic: the most probable action (the mean, where actions are numbers), or one drawn from the policy.

        Returns:
            Action (or actions, `[batch]`), and the next state, `[S]` (or `[batch, S]`).
        """
        policy, parameters = self._work.policy, self._start.parameters
        batch, single = policy.observations.pack_any(observation)
        remembered = self._remembered(state, batch, single)
        if self.algorithm == "random":
            actions = policy.actions.random(self._generator, batch.shape[:1])
        elif deterministic:
            actions = policy.best_action(parameters, batch, *remembered)
        else:
            actions = policy.act(parameters, batch, policy.noise(self._generator, batch.shape[:1]), 0.0, *remembered)
        if remembered and self.algorithm != "random":
            actions, states = actions
            state = np.array(states[0] if single else states)
        actions = policy.actions.to_environment(np.asarray(actions, policy.actions.dtype))
        return (actions[0] if single else actions), state

    def value(self, observation: Any, state: Any = None) -> float | np.ndarray:
        """The critic's estimate for one observation, or for a batch; in units of the (scaled) training reward.

        `state` is that of `predict`, from the step before.
        """
        policy = self._work.policy
        batch, single = policy.observations.pack_any(observation)
        values = np.asarray(policy.value(self._start.parameters, batch, *self._remembered(state, batch, single)))
        return float(values[0]) if single else values

    def _remembered(self, state: Any, batch: np.ndarray, single: bool) -> tuple[np.ndarray, ...]:
        """The states of a batch, for a recurrent policy alone."""
        policy = self._work.policy
        if not policy.recurrent:
            return ()
        shape = (len(batch), policy.layout.state)
        if state is None:
            return (np.zeros(shape, np.float32),)
        states = np.asarray(state, np.float32)[None] if single else np.asarray(state, np.float32)
        if states.shape != shape:
            raise ValueError(
                f"state has shape {np.shape(state)}; expected {shape[1:] if single else shape}, as predict gave it"
            )
        return (states,)

    def evaluate(self, episodes: int = 100, *, deterministic: bool = True, seed: int | None = None) -> Evaluation:
        """Plays `episodes` whole episodes, with no limit but the environment's own, and nothing learned."""
        if episodes < 1:
            raise SettingsError(f"episodes is {episodes}, but must be at least 1")
        return evaluate(
            self._work.environments,
            lambda observations, state: self.predict(observations, state, deterministic),
            episodes,
            self.config.seed if seed is None else seed,
        )

    def make_environment(self, **kwargs: Any) -> gymnasium.Env:
        """One of the agent's environments, as for play; `kwargs` such as `render_mode` are added."""
        return self._work.environments.make(**kwargs)

    def keras_model(self) -> Any:
        """The keras.Model that the agent was given as its network, holding what was learned; `.save(...)` it, say.

        A model of features alone comes with the heads, `policy` and `value`, that were added. What it is called with is
        what the network gets: bytes as `(byte - pixel_mean) / pixel_std`, choices one-hot, all else normalised if the
        agent normalises it.

        Raises SettingsError where the network is no Keras model.
        """
        network = self._work.policy.network(self._start.parameters)  # type: ignore[arg-type]
        if not isinstance(network, KerasActorCritic):
            raise SettingsError("keras_model: the network of this agent is no Keras model")
        return network.keras_model()

    def save(self, path: str | Path) -> None:
        """Saves all that acting and further training need, in one safetensors file that holds no code."""
        self._start.save(path)


class A3C(Agent):
    """Asynchronous advantage actor-critic (Mnih et al. 2016)."""

    algorithm = "a3c"


class A2C(Agent):
    """Synchronous advantage actor-critic: the workers of A3C in step, the same parameters every time."""

    algorithm = "a2c"


class GA3C(Agent):
    """A3C with actions and gradients in central batches (Babaeizadeh et al. 2017)."""

    algorithm = "ga3c"


class IMPALA(Agent):
    """Workers that act, and a learner that corrects for their lag by V-trace (Espeholt et al. 2018)."""

    algorithm = "impala"


class RandomAgent(Agent):
    """Uniformly random actions: the baseline."""

    algorithm = "random"


AGENTS: dict[str, type[Agent]] = {agent.algorithm: agent for agent in (A3C, A2C, GA3C, IMPALA, RandomAgent)}


def make_environment(
    environment: str | EnvironmentFactory,
    *,
    recipe: str | None = None,
    settings: dict[str, Any] | None = None,
    env_kwargs: dict[str, Any] | None = None,
    **kwargs: Any,
) -> gymnasium.Env:
    """One environment, made as training makes it: with the recipe's frames, time limit and so on.

    Args:
        environment: a Gymnasium id, `module:Id`, `module:Class`, or a factory.
        recipe: as for an Agent.
        settings: fields of TrainConfig, such as `{"frame_stack": 2}`.
        env_kwargs: keyword arguments for the environment.
        kwargs: more of them, such as `render_mode`.

    Raises:
        InvalidEnvironment: it is unknown (the nearest names are given), not installed, or fails.
        SettingsError: a setting is unknown, or does not fit the environment.
    """
    settings = {**(settings or {}), "environment": environment if isinstance(environment, str) else ""}
    if env_kwargs:
        settings["env_kwargs"] = env_kwargs
    return EnvironmentMaker(environment, make_config(with_recipe(recipe, settings), "settings")).make(**kwargs)


def load(
    path: str | Path,
    environment: str | EnvironmentFactory | None = None,
    network: Network | None = None,
) -> Agent:
    """An agent from a checkpoint file, or from a run folder (its best checkpoint).

    Args:
        path: what `save` wrote, or a run folder.
        environment: needed where the agent was trained on a factory; else the id it was trained on.
        network: needed where it was trained with a network of its own.

    Raises:
        CheckpointError: damaged, foreign, or for other spaces or another network.
        SettingsError: an environment or network is needed.
    """
    checkpoint = RunFolder.open(path).load() if Path(path).is_dir() else Checkpoint.load(path)
    return agent_from(checkpoint, environment, network)


def agent_from(
    checkpoint: Checkpoint,
    environment: str | EnvironmentFactory | None = None,
    network: Network | None = None,
) -> Agent:
    """The agent that a checkpoint describes; see `load`."""
    if checkpoint.own_environment and environment is None:
        name = checkpoint.config.environment
        raise SettingsError(f"this agent was trained on an environment factory ({name}): give it as environment=")
    factory = environment if not isinstance(environment, str) else None
    config = checkpoint.config
    if isinstance(environment, str):
        config = dataclasses.replace(config, environment=environment)
    return AGENTS[config.algorithm]._from_checkpoint(*prepare(config, factory, network, checkpoint))


def _with_limits(
    start: Checkpoint, steps: int | None, episodes: int | None, seconds: float | None, target_return: float | None
) -> TrainConfig:
    """The settings with the limits of one call of `learn`; those on steps and episodes count from where it starts."""
    config = start.config
    limits: dict[str, Any] = {name: getattr(config, name) for name in LIMITS}
    if any(limit is not None for limit in (steps, episodes, seconds, target_return)):
        target = config.target_return if target_return is None else target_return
        limits = {"steps": steps, "episodes": episodes, "seconds": seconds, "target_return": target}
    for name in ("steps", "episodes"):
        if limits[name] is not None:
            if limits[name] < 1:
                raise SettingsError(f"{name} is {limits[name]}, but must be at least 1")
            limits[name] += start.counts[name]
    return dataclasses.replace(config, **limits)
