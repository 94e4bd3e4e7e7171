"""What goes into an exported policy and what comes out of it: each by name, shape and type.

In use:

    inputs(policy, "sampled")              # observation float32 [batch, 4], noise float32 [batch]
    outputs(policy, snapshot, "sampled")   # action int64 [batch], value float32 [batch], logits float32 [batch, 2]
    acting(policy, snapshot, "sampled")    # the function of packed observations and the other inputs that gives these

An observation goes in as the environment gives it, each part of a Dict or Tuple by itself; an action comes out as the
environment takes it, its parts likewise.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np

from a3c.config.evaluating import Way
from a3c.environments.observations import parts
from a3c.environments.spaces import joined
from a3c.learning.distributions import Bernoulli, Categorical, EpsilonGreedy, MultiCategorical
from a3c.learning.gaussians import Gaussian
from a3c.learning.joint import Joint
from a3c.learning.snapshot import Snapshot
from a3c.networks.actions import BoxActions, DiscreteActions
from a3c.networks.policy import Policy

OnePart: TypeAlias = DiscreteActions | BoxActions
FLOAT = np.dtype(np.float32)


class Port(NamedTuple):
    """One input or output."""

    name: str
    shape: tuple[int, ...]
    """Of one; behind the batch axis."""
    dtype: np.dtype

    @property
    def kind(self) -> str:
        """Type and shape, for people."""
        return f"{self.dtype} [{', '.join(map(str, ('batch', *self.shape)))}]"


def observed(policy: Policy) -> list[tuple[Port, gymnasium.Space]]:
    """The inputs that an observation is given as, and the part that each is."""
    found = parts(policy.observations.space).items()
    return [
        (Port(joined(("observation", *path)), part.shape or (), np.dtype(part.dtype)), part) for path, part in found
    ]


def drawn_by(policy: Policy) -> list[tuple[Port, OnePart]]:
    """The inputs by which actions are drawn, and the part of them that each is for."""
    parts_by_path = policy.actions.parts.items()
    return [(Port(joined(("noise", *path)), part.noise_shape, FLOAT), part) for path, part in parts_by_path]


def besides(policy: Policy, way: Way) -> list[Port]:
    """The other inputs, which `acting` takes after the observation."""
    found = [port for port, _ in drawn_by(policy)] if way == "sampled" else []
    if policy.recurrent:
        found.append(Port("state", (policy.layout.state,), FLOAT))
    if policy.layout.mask:
        found.append(Port("action_mask", (policy.layout.mask,), np.dtype(bool)))
    return found


def inputs(policy: Policy, way: Way) -> list[Port]:
    """All inputs, in their order."""
    return [port for port, _ in observed(policy)] + besides(policy, way)


def acted(policy: Policy) -> list[tuple[Port, OnePart]]:
    """The outputs that the environment takes as an action, and the part that each is."""
    found = []
    for path, part in policy.actions.parts.items():
        dtype = part.dtype if isinstance(part.space, gymnasium.spaces.Discrete) else part.space.dtype
        found.append((Port(joined(("action", *path)), part.space.shape or (), np.dtype(dtype)), part))
    return found


def outputs(policy: Policy, snapshot: Snapshot, way: Way) -> list[Port]:
    """All outputs, in their order."""
    packed = Port("packed", policy.layout.observation, policy.layout.observation_dtype)
    given = [jax.ShapeDtypeStruct((1, *port.shape), port.dtype) for port in (packed, *besides(policy, way))]
    act, names = acting(policy, snapshot, way), []

    def run(*arrays: Any) -> tuple[jax.Array, ...]:
        found = act(*arrays)
        names.extend(found)
        return tuple(found.values())

    arrays = jax.eval_shape(run, *given)
    ports = [Port(name, array.shape[1:], np.dtype(array.dtype)) for name, array in zip(names, arrays, strict=True)]
    actions = {port.name: port for port, _ in acted(policy)}
    return [actions.get(port.name, port) for port in ports]


def acting(policy: Policy, snapshot: Snapshot, way: Way) -> Callable[..., dict[str, Any]]:
    """What the policy makes of a batch of packed observations and of the inputs besides, by the names of the outputs.

    The action is still the policy's own: `Actions.to_environment` makes the environment's of it. Values are in the
    rewards that the environment gives, times `reward_scale`. What was known before is constant: parameters, statistics.
    """
    names = [port.name for port in besides(policy, way)]
    drawn, done = ([port.name for port, _ in ports] for ports in (drawn_by(policy), acted(policy)))
    deviation = snapshot.return_deviation if policy.layout.statistics.rewards else None

    def act(packed: Any, *given: Any) -> dict[str, Any]:
        more = dict(zip(names, given, strict=True))
        network = policy.network(snapshot.parameters)
        context = more.get("state"), more.get("action_mask")
        distribution, values, state = policy.apply(network, snapshot.statistics, packed, *context)
        if way == "greedy":
            actions = distribution.mode()
        else:
            explored = policy.actions.explore(distribution, policy.actions.played_epsilon)
            actions = explored.sample(policy.actions.one_noise([more[name] for name in drawn]))
        found = dict(zip(done, policy.actions.each(actions), strict=True))
        found |= {"value": values if deviation is None else values * deviation}
        found |= parameters_of(distribution, policy)
        return found if state is None else found | {"next_state": state}

    return act


def parameters_of(distribution: Any, policy: Policy) -> dict[str, Any]:
    """What a distribution of actions is made of, `[batch, ...]`, and of those of several parts each; logits are
    normalised, those of several choices in a row."""
    if not isinstance(distribution, Joint):
        return _parameters_of(distribution)
    each = zip(policy.actions.parts, distribution.distributions, strict=True)
    return {joined((name, *path)): array for path, its in each for name, array in _parameters_of(its).items()}


def _parameters_of(distribution: Any) -> dict[str, Any]:
    match distribution:
        case Gaussian():
            return {"mean": distribution.mean, "log_std": distribution.log_std}
        case EpsilonGreedy():
            return {"action_values": distribution.values}
        case MultiCategorical():
            rows = enumerate(distribution.counts)
            logits = distribution.choices.log_probs
            return {"logits": jnp.concatenate([logits[..., row, :count] for row, count in rows], axis=-1)}
        case Categorical():
            return {"logits": distribution.log_probs}
        case Bernoulli():
            return {"logits": distribution.logits}
    raise TypeError(f"{distribution} is no distribution of actions")
