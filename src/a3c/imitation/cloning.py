"""Behavioural cloning (Pomerleau 1989): the policy that makes demonstrated actions most probable.

repeat, until the loss on what was held out has not become smaller for some passes
    for each minibatch of the demonstrations, shuffled
        theta <- theta - Adam(grad mean(-log pi(a | s)) + c grad (G - V(s))^2)
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

from a3c.config import TrainConfig
from a3c.errors import SettingsError
from a3c.imitation.demonstrations import Demonstrations
from a3c.imitation.settings import ImitationSettings
from a3c.learning.moments import Moments
from a3c.learning.snapshot import Snapshot
from a3c.networks.actions import BoxActions
from a3c.networks.policy import Policy
from a3c.rollout.rewards import training_rewards
from a3c.runs.checkpoint import Checkpoint

LEAST_LOG_STD = -2.0
"""Cloning makes no standard deviation that is a parameter smaller, 0.14 of half the bounds: training explores by it."""
KNOWN = 0.05
"""Of a return that is cut off at least so much must be known, less this share, for the value to learn from it."""


@dataclass(frozen=True)
class Imitation:
    """What cloning came to."""

    steps: int
    """Demonstrated steps, with those held out."""
    episodes: int
    epochs: int
    """Passes that were made over them."""
    loss: float
    """Mean of -log pi(a | s), in nats, over the steps that were learned from, and"""
    held_out_loss: float
    """over those that were held out: the parameters are those at which this was least."""
    accuracy: float | None
    """Share of held-out steps whose choices are the most probable ones; None where there are none."""
    error: float | None
    """The mean distance of the greedy action's numbers from the demonstrated ones, in half the span of the bounds; None
    where there are none."""
    learned_values: bool
    """Whether value estimates were learned too, as there were rewards."""

    def __repr__(self) -> str:
        """Short, as it is printed where nobody asked for it."""
        return f"<Imitation: {self}>"

    def __str__(self) -> str:
        choices = [] if self.accuracy is None else [f"accuracy {self.accuracy:.1%}"]
        how = ", ".join(choices if self.error is None else [*choices, f"mean error {self.error:.3f}"])
        values = "" if self.learned_values else "; no rewards, so value estimates are as before"
        episodes = f"{self.episodes:,} episode{'s' if self.episodes != 1 else ''}"
        return (
            f"{self.steps:,} steps of {episodes}, {self.epochs} pass{'es' if self.epochs != 1 else ''}: "
            f"loss {self.loss:.3f}, held out {self.held_out_loss:.3f}, {how}{values}"
        )


def clone(
    policy: Policy,
    start: Checkpoint,
    data: Demonstrations,
    settings: ImitationSettings,
    say: Callable[[str], object],
) -> tuple[Imitation, dict[str, np.ndarray]]:
    """Trains from where `start` is. Gives what it came to, and the new parameters, statistics and moments.

    Statistics that nothing was observed for yet are the data's; others stay.
    """
    config, statistics = start.config, policy.layout.statistics
    moments = start.moments
    if statistics.size and not moments.any():
        moments = statistics.row(
            Moments.of(data.observations.reshape(len(data), -1)) if statistics.normalized else None,
            _moments_of_returns(data, config) if statistics.rewards else None,
        )
    vector = statistics.vector(moments) if statistics.size else start.statistics
    unit = float(vector[-1]) if statistics.rewards else 1.0
    generator = np.random.default_rng(np.random.SeedSequence(config.seed or 0, spawn_key=(7,)))
    held = _held_out(data, settings.held_out, generator)
    returns, known = _returns(data, config, unit)
    given = data.observations, data.actions, data.masks, returns, known
    arrays = [None if array is None else jnp.asarray(array) for array in given]
    optimizer = optax.adam(config.learning_rate)
    loss_of, train = _make(policy, config, vector, optimizer, arrays)
    learned, kept_out = np.flatnonzero(~held), np.flatnonzero(held)
    size = min(settings.batch_size, len(learned))
    parameters = jnp.asarray(start.parameters)
    state, best, best_loss, waited, epoch = optimizer.init(parameters), parameters, np.inf, 0, 0
    for epoch in range(1, settings.epochs + 1):
        order = generator.permutation(learned)[: len(learned) // size * size].reshape(-1, size)
        parameters, state = train(parameters, state, jnp.asarray(order))
        loss = _mean(loss_of, parameters, kept_out)
        say(f"pass {epoch}: held-out loss {loss:.4f}")
        if loss < best_loss:
            best, best_loss, waited = parameters, loss, 0
        else:
            waited += 1
            if waited == settings.patience:
                break
    if not np.isfinite(best_loss):
        raise SettingsError("the loss is not finite: make `learning_rate` smaller")
    accuracy, error = _closeness(policy, np.asarray(best), vector, data, kept_out)
    imitation = Imitation(
        len(data), int(data.last.sum()), epoch, _mean(loss_of, best, learned), best_loss, accuracy, error,
        data.rewards is not None,
    )  # fmt: skip
    return imitation, {"parameters": np.asarray(best), "statistics": vector, "moments": moments}


def check_policy(config: TrainConfig) -> None:
    """Raises SettingsError for what has no policy that could be cloned."""
    algorithm = config.algorithm
    if algorithm.network == "action_values" or algorithm.acts == "nowhere":
        raise SettingsError(f"{algorithm} has no policy that demonstrations could teach: use a3c, say, or appo")
    if config.recurrent is not None:
        raise SettingsError("a policy with memory (`recurrent`) cannot be taught by single steps: leave it out")


def _make(
    policy: Policy, config: TrainConfig, vector: np.ndarray, optimizer: Any, arrays: list[Any]
) -> tuple[Any, Any]:
    """Jitted: the policy's mean loss over rows, and a pass of updates over batches of rows `[n, size]`."""
    observations, actions, masks, returns, known = arrays
    keeps_std = config.action_std == "learned"

    def losses(parameters: Any, rows: Any) -> tuple[Any, Any]:
        network = policy.network(parameters)
        masked = None if masks is None else masks[rows]
        distribution, values, _ = policy.apply(network, vector, observations[rows], masks=masked)
        errors = jnp.square(values - returns[rows]) * known[rows]
        return -distribution.log_prob(actions[rows]).mean(), config.value_coefficient * errors.mean()

    def update(carried: Any, rows: Any) -> tuple[Any, None]:
        parameters, state = carried
        gradient = jax.grad(lambda parameters: sum(losses(parameters, rows)))(parameters)
        changes, state = optimizer.update(gradient, state)
        parameters = parameters + changes
        network = policy.network(parameters)
        if keeps_std and network.log_std is not None:
            kept = jnp.maximum(network.log_std, LEAST_LOG_STD)
            parameters = policy.flatten(eqx.tree_at(lambda network: network.log_std, network, kept))
        return (parameters, state), None

    def train(parameters: Any, state: Any, batches: Any) -> Any:
        return jax.lax.scan(update, (parameters, state), batches)[0]

    return jax.jit(lambda parameters, rows: losses(parameters, rows)[0]), jax.jit(train)


def _mean(loss_of: Any, parameters: Any, rows: np.ndarray, at_once: int = 4096) -> float:
    """The mean loss over rows, so many at once."""
    parts = [rows[i : i + at_once] for i in range(0, len(rows), at_once)]
    return float(sum(float(loss_of(parameters, jnp.asarray(part))) * len(part) for part in parts) / len(rows))


def _held_out(data: Demonstrations, share: float, generator: np.random.Generator) -> np.ndarray:
    """Which steps are held out: whole episodes where there are ten of them, as steps of one are much alike."""
    episode = np.cumsum(data.last) - data.last
    count = int(episode[-1]) + 1
    if count < 10:
        episode, count = np.arange(len(data)), len(data)
    chosen = generator.permutation(count)[: min(max(1, round(share * count)), count - 1)]
    return np.isin(episode, chosen)


def _moments_of_returns(data: Demonstrations, config: TrainConfig) -> Moments:
    """Of what rewards are normalised by: those until each step of its episode, discounted."""
    if data.rewards is None:
        return Moments.none((1,))
    until, discounted = 0.0, np.empty(len(data))
    for t, (reward, last) in enumerate(
        zip(training_rewards(config, data.rewards, data.terminated), data.last, strict=True)
    ):
        discounted[t] = until = config.gamma * until + reward
        until = 0.0 if last else until
    return Moments.of(discounted[:, None])


def _returns(data: Demonstrations, config: TrainConfig, unit: float) -> tuple[np.ndarray, np.ndarray]:
    """Discounted returns from each step on in deviations of `unit`, and whether they are known, as episodes may be cut
    off."""
    returns, known = np.zeros(len(data), np.float32), np.zeros(len(data), np.float32)
    if data.rewards is None:
        return returns, known
    after, missing = 0.0, 1.0
    for t, reward in reversed(list(enumerate(training_rewards(config, data.rewards, data.terminated)))):
        if data.last[t]:
            after, missing = 0.0, 0.0 if data.terminated[t] else 1.0
        after, missing = reward + config.gamma * after, config.gamma * missing
        returns[t], known[t] = after / unit, missing <= KNOWN
    return returns, known


def _closeness(
    policy: Any, parameters: np.ndarray, vector: np.ndarray, data: Demonstrations, rows: np.ndarray
) -> tuple[float | None, float | None]:
    """Over these steps: the share whose greedy choices are the demonstrated ones, and the mean distance of numbers."""
    masks = None if data.masks is None else data.masks[rows]
    greedy = np.asarray(policy.best_action(Snapshot(parameters, vector), data.observations[rows], masks=masks))
    same, apart = [], []
    both = (policy.actions.each(actions) for actions in (greedy, data.actions[rows]))
    for one, chosen, shown in zip(policy.actions.parts.values(), *both, strict=True):
        if isinstance(one, BoxActions):
            given, done = (one.to_environment(numbers).astype(float) for numbers in (chosen, shown))
            distances = np.abs(given - done) / one.in_units(np.ones((1, *one.shape)), spread=True)
            apart.append(distances.reshape(len(rows), -1))
        else:
            same.append((chosen == shown).reshape(len(rows), -1))
    accuracy = float(np.concatenate(same, axis=1).all(axis=1).mean()) if same else None
    return accuracy, float(np.concatenate(apart, axis=1).mean()) if apart else None
