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
from collections.abc import Generator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Never, TypeAlias, TypedDict, Unpack

from a3c.acting import ActingAgent
from a3c.algorithm import Algorithm, builtin
from a3c.arguments import named_arguments
from a3c.config.checks import check_ends
from a3c.config.keywords import (
    APPOKeywords,
    GA3CKeywords,
    IMPACTKeywords,
    IMPALAKeywords,
    Keywords,
    PQNKeywords,
    QLearningKeywords,
)
from a3c.config.making import LEARN_ARGUMENTS, make_config, no_argument
from a3c.config.network import NetworkName
from a3c.config.schedules import schedule_remark
from a3c.environments.factories import EnvironmentFactory
from a3c.errors import AgentLearning, SettingsError
from a3c.imitation.cloning import Imitation
from a3c.imitation.imitate import imitate
from a3c.imitation.settings import ImitationSettings
from a3c.networks.policy import Network
from a3c.processes.starting import start_server
from a3c.recipes import with_recipe
from a3c.roles.worker import Work
from a3c.runs.checkpoint import NOTHING_JUDGED, Checkpoint
from a3c.runs.folder import RunFolder
from a3c.runs.lock import locked
from a3c.training.beginning import Begun, check_processes
from a3c.training.callbacks import GivenCallbacks, GivenStopWhen, as_callbacks
from a3c.training.loggers import check_loggers
from a3c.training.preparing import prepare
from a3c.training.progress import Warnings, is_wanted, make_display
from a3c.training.training import Interrupted, Result, limits_of_call

GivenNetwork: TypeAlias = Network | NetworkName | None
"""What an agent takes as its network: the name of one, or the caller's own."""


class Agent(ActingAgent):
    """An algorithm, an environment, and a policy with its parameters. Use a subclass, such as A3C, or `a3c.load`."""

    algorithm: Algorithm = builtin.A3C
    _learning = False
    """Whether `learn` is under way: until it ends, the parameters here are those from before it."""
    _best: Checkpoint | None = None
    """The best of the last `learn`."""

    @named_arguments
    def __init__(
        self,
        environment: str | EnvironmentFactory,
        *,
        algorithm: Algorithm | str | None = None,
        network: GivenNetwork = None,
        recipe: str | None = None,
        evaluation_environment: str | EnvironmentFactory | None = None,
        **settings: object,
    ):
        """Makes one environment, to see its spaces, and the network.

        Args:
            environment: a Gymnasium id, `module:Id`, `module:Class`, a factory of a gymnasium.Env, or of a vector
                environment (a VectorEnv class, or a function that requires an argument, the number of environments).
                A factory makes a new one at each call. What this process has registered, workers can make too.
            algorithm: one of your own, or its `module:NAME`; the subclasses have theirs.
            network: the name of a network, such as "nature", or your own: `(observation_space, key) ->
                equinox.Module`, from one observation to features `[n]`; the heads for policy and value are added. Or
                a keras.Model, from a batch of observations to policy and value, or to features `[batch, n]`.
            recipe: the name of a recipe, the path of a file with one, which ends in .toml, or "none" for plain
                defaults. By default the recipe for this id, if any.
            evaluation_environment: what evaluations are played on, where it is another, given as `environment` is; its
                spaces must be the same.
            settings: any field of TrainConfig: workers, seed, learning_rate, ...

        Raises:
            SettingsError, InvalidEnvironment, UnsupportedSpace: in one line each.
        """
        if settings.get("backend") != "inline":
            start_server()
        factory = None if isinstance(environment, str) else environment
        settings |= {"algorithm": algorithm or type(self).algorithm}
        settings |= {"environment": environment if isinstance(environment, str) else ""}
        evaluated_on = None
        if isinstance(evaluation_environment, str):
            settings["evaluation_environment"] = evaluation_environment
        else:
            evaluated_on = evaluation_environment
        if isinstance(network, str):
            settings["network"], network = network, None
        config = make_config(with_recipe(recipe, settings), "settings")
        super().__init__(*prepare(config, factory, network, evaluated_on=evaluated_on))

    @classmethod
    def _from_checkpoint(cls, work: Work, start: Checkpoint) -> "Agent":
        agent = object.__new__(cls)
        ActingAgent.__init__(agent, work, start)
        return agent

    @named_arguments
    def learn(
        self,
        steps: int | None = None,
        *,
        episodes: int | None = None,
        seconds: float | None = None,
        target_return: float | None = None,
        run: str | Path | None = None,
        progress: bool | None = None,
        callback: GivenCallbacks = None,
        stop_when: GivenStopWhen = None,
        **unknown: Never,
    ) -> Result:
        """Trains until the first limit is met, and keeps what was learned; called again, it continues.

        Limits given here replace those of the settings and the recipe. What is annealed is so over all calls together:
        over `anneal_steps`, or else the `steps` among the settings, `APPO(..., steps=500_000)`. Where neither says so,
        or these steps are over, it is annealed until the end of this call, over its steps and all those before it.

        While it runs the agent itself is the one from before it, and refuses to act, to be saved or to learn twice.

        Args:
            steps: environment steps to take in this call.
            episodes: episodes to finish in this call.
            seconds: seconds of training that this call may take, from its first update on.
            target_return: mean return of the last 100 episodes at which to stop; by default the environment's own.
            run: a run folder to write; it must not hold a run with a checkpoint yet. Without it nothing is written.
            progress: whether to show a progress line; by default in a terminal and in a notebook.
            callback: a function that is called with a Training at every report, and stops training by returning False;
                or a Callback, which has more events; or several of them.
            stop_when: a function of the evaluations beside training so far, a sequence of RunEvaluation, that is asked
                after each and ends the training by saying True: `lambda evaluations: evaluations[-1].mean > 400`.

        Raises:
            SettingsError: nothing would ever end the training.
            AgentLearning: it is called inside a callback, or from another thread, while it runs.
            RunFolderError: `run` holds a run already, another process trains in it, or it cannot be written.
            DiskError: a file could not be written, as on a full disk.
            WorkerError: a worker raised, died or hung, and was not replaced.
            KeyboardInterrupt: on Ctrl-C, after keeping (and, with `run`, saving) what was learned.
        """
        started = time.monotonic()
        for name in unknown:
            raise SettingsError(no_argument("learn", name, LEARN_ARGUMENTS, self.config.algorithm))
        callbacks, progress = as_callbacks(callback, stop_when), is_wanted(progress)
        # Before anything is written: the line says what is to be given again.
        self._work.evaluation_environments  # noqa: B018
        limits = {"steps": steps, "episodes": episodes, "seconds": seconds, "target_return": target_return}
        work = self._work if self.config.backend == "inline" else self._work.pack()
        with self._alone("learn()"):
            # A run is judged by its own episodes and evaluations, not by those that solved the one before.
            start = dataclasses.replace(self._start, **NOTHING_JUDGED)
            start.config = limits_of_call(start, limits)
            check_ends(start.config)
            check_processes(start.config)
            check_loggers(start.config)
            if remark := schedule_remark(self.config, start.config, start.counts["steps"]):
                make_display(progress, Warnings).say(remark)
            try:
                with nullcontext() if run is None else locked(Path(run)):
                    folder = None if run is None else RunFolder.create(run, start.config)
                    result = Begun(work, start, folder).train(
                        progress, started, otherwise=Warnings, callbacks=callbacks
                    )
            except Interrupted as interrupted:
                self._keep(interrupted.result)
                raise
            self._keep(result)
            return result

    def load_best(self) -> None:
        """Takes on the best parameters of the last `learn`, those of `result.best`, in place of the latest.

        The agent acts with them, and learns on from them. Raises SettingsError where it has learned nothing.
        """
        self._check_idle("load_best()")
        if self._best is None:
            raise SettingsError(
                "load_best: this agent has not learned since it was made or loaded, so there is no best of it: call "
                "learn before, or load a run folder with a3c.load, which gives the run's best"
            )
        self._start, self._holds = dataclasses.replace(self._best, config=self.config), "the best parameters"

    @named_arguments
    def imitate(
        self, dataset: Any, *, run: str | Path | None = None, progress: bool | None = None, **how: Any
    ) -> Imitation:
        """Learns to do what was done in demonstrations, by behavioural cloning; `learn` goes on from there.

        Args:
            dataset: an `.npz` file with observations, actions and, where they are known, rewards, terminations and
                truncations; the id of a Minari dataset that is on this machine, or one; or such arrays by their names.
            run: a run folder to write, which `a3c train --resume` goes on with; it must hold no run yet.
            progress: whether to show a line for each pass; by default in a terminal and in a notebook.
            how: `epochs`, `batch_size`, `held_out` and `patience`, as ImitationSettings says.

        Raises SettingsError where the data does not fit, or no policy can be taught by it (memory, action values).
        """
        with self._alone("imitate()"):
            say = print if is_wanted(progress) else None
            imitation, self._start = imitate(self._work, self._start, dataset, ImitationSettings.of(how), run, say)
        self._best, self._holds = None, "what was cloned from demonstrations"
        return imitation

    @contextmanager
    def _alone(self, what: str) -> Generator[None, None, None]:
        """Nothing else is done with the agent meanwhile."""
        self._check_idle(what)
        self._learning = True
        try:
            yield
        finally:
            self._learning = False

    def _check_idle(self, what: str) -> None:
        if self._learning:
            raise AgentLearning(
                f"{what} while learn runs would take the parameters from before it: wait until learn has returned, "
                "or give it a run folder, which holds checkpoints meanwhile"
            )

    def __getstate__(self) -> dict[str, object]:
        """For copies, and for pickle."""
        self._check_idle("copy()")
        return self.__dict__

    def _keep(self, result: Result) -> None:
        """Keeps what was learned; the limits of the call that learned it are not the agent's."""
        self._start, self._best = dataclasses.replace(result.latest, config=self.config), result.best
        self._holds = "the latest parameters"


class OwnArguments(TypedDict, total=False):
    """What agents take besides settings, as Agent says."""

    network: GivenNetwork
    recipe: str | None
    evaluation_environment: str | EnvironmentFactory | None


class Arguments(Keywords, OwnArguments, total=False): ...


class APPOArguments(APPOKeywords, OwnArguments, total=False): ...


class GA3CArguments(GA3CKeywords, OwnArguments, total=False): ...


class IMPACTArguments(IMPACTKeywords, OwnArguments, total=False): ...


class IMPALAArguments(IMPALAKeywords, OwnArguments, total=False): ...


class QLearningArguments(QLearningKeywords, OwnArguments, total=False): ...


class PQNArguments(PQNKeywords, OwnArguments, total=False): ...


class _OfAllSettings(Agent):
    """An algorithm of this package that has the settings of all and no more: an editor knows them."""

    @named_arguments
    def __init__(self, environment: str | EnvironmentFactory, **given: Unpack[Arguments]):
        """As Agent says."""
        super().__init__(environment, **given)


class A3C(_OfAllSettings):
    """Asynchronous advantage actor-critic (Mnih et al. 2016)."""

    algorithm = builtin.A3C


class A2C(_OfAllSettings):
    """Synchronous advantage actor-critic: the workers of A3C in step, the same parameters every time."""

    algorithm = builtin.A2C


class APPO(Agent):
    """Asynchronous proximal policy optimisation: clipped updates, several from each step (Schulman et al. 2017)."""

    algorithm = builtin.APPO

    @named_arguments
    def __init__(self, environment: str | EnvironmentFactory, **given: Unpack[APPOArguments]):
        """As Agent says."""
        super().__init__(environment, **given)


class GA3C(Agent):
    """A3C with actions and gradients in central batches (Babaeizadeh et al. 2017)."""

    algorithm = builtin.GA3C

    @named_arguments
    def __init__(self, environment: str | EnvironmentFactory, **given: Unpack[GA3CArguments]):
        """As Agent says."""
        super().__init__(environment, **given)


class IMPACT(Agent):
    """Workers that act, and a learner that learns several times from what they send, with a target network (Luo et al.
    2020)."""

    algorithm = builtin.IMPACT

    @named_arguments
    def __init__(self, environment: str | EnvironmentFactory, **given: Unpack[IMPACTArguments]):
        """As Agent says."""
        super().__init__(environment, **given)


class IMPALA(Agent):
    """Workers that act, and a learner that corrects for their lag by V-trace (Espeholt et al. 2018)."""

    algorithm = builtin.IMPALA

    @named_arguments
    def __init__(self, environment: str | EnvironmentFactory, **given: Unpack[IMPALAArguments]):
        """As Agent says."""
        super().__init__(environment, **given)


class _OfQLearning(Agent):
    """An algorithm that learns action values with a target network."""

    @named_arguments
    def __init__(self, environment: str | EnvironmentFactory, **given: Unpack[QLearningArguments]):
        """As Agent says."""
        super().__init__(environment, **given)


class NStepQ(_OfQLearning):
    """Asynchronous n-step Q-learning (Mnih et al. 2016, algorithm S2)."""

    algorithm = builtin.N_STEP_Q


class OneStepQ(_OfQLearning):
    """Asynchronous one-step Q-learning (Mnih et al. 2016, algorithm 1)."""

    algorithm = builtin.ONE_STEP_Q


class OneStepSarsa(_OfQLearning):
    """Asynchronous one-step Sarsa: the values of the policy that explores (Mnih et al. 2016, section 4.2)."""

    algorithm = builtin.ONE_STEP_SARSA


class PQN(Agent):
    """Q-learning from lambda-returns, with normalised layers instead of a target network (Gallici et al. 2024)."""

    algorithm = builtin.PQN

    @named_arguments
    def __init__(self, environment: str | EnvironmentFactory, **given: Unpack[PQNArguments]):
        """As Agent says."""
        super().__init__(environment, **given)


class RandomAgent(_OfAllSettings):
    """Uniformly random actions: the baseline."""

    algorithm = builtin.RANDOM


AGENTS: dict[str, type[Agent]] = {
    agent.algorithm.name: agent
    for agent in (A3C, A2C, APPO, GA3C, IMPACT, IMPALA, NStepQ, OneStepQ, OneStepSarsa, PQN, RandomAgent)
}
