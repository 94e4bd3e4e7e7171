"""A Policy: a network and its action distribution, over one flat vector of parameters.

In use:

    policy = Policy.make(observation_space, action_space, config)
    snapshot = policy.first_snapshot                           # parameters, one flat float32 vector, and statistics
    distribution, values = policy(snapshot, observations)      # inside jit
    actions = policy.act(snapshot, observations, noise, epsilon)
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Shaped

from a3c.config import TrainConfig
from a3c.environments.observations import Observations
from a3c.environments.spaces import NO_STATISTICS, Layout, Prediction
from a3c.errors import SettingsError
from a3c.learning.arrays import AnyArray
from a3c.learning.distributions import EpsilonGreedy
from a3c.learning.moments import Statistics
from a3c.learning.snapshot import Snapshot
from a3c.networks.actions import Actions, make_actions
from a3c.networks.choosing import make_torso, shares_trunk
from a3c.networks.conv import apply_to_frames
from a3c.networks.inputs import input_shapes, network_input
from a3c.networks.keras_model import KerasActorCritic, KerasModel, is_keras_model, keras_actor_critic
from a3c.networks.limits import LimitedGenerator
from a3c.networks.mlp import ActionValues, ActorCritic
from a3c.networks.readings import normalized_numbers, readings, with_readings
from a3c.networks.recurrent import CORES, unroll


@runtime_checkable
class NetworkFactory(Protocol):
    """A user's own network, `factory(observation_space, key)`: a module that maps one observation to features `[n]`.

    What an observation is to it, `networks/inputs.py` says: bytes are scaled, choices one-hot, a Dict is a dictionary.
    All else is as it is, unless `input_scaling` says otherwise.
    """

    # Which space it is given its author knows, who may say `Box`.
    def __call__(self, observation_space: Any, key: jax.Array, /) -> eqx.Module: ...


Network = NetworkFactory | KerasModel
AnyNetwork = ActorCritic | ActionValues | KerasActorCritic

# A jitted function takes a Snapshot as it takes its arrays; what it returns has no version, nor a target network.
# JAX has a way for dataclasses, that could leave no fields out before 0.10.
jax.tree_util.register_pytree_node(
    Snapshot, lambda snapshot: ((snapshot.parameters, snapshot.statistics), None), lambda _, arrays: Snapshot(*arrays)
)

MOST_STDS = 10.0
"""Standard deviations from the mean to which normalised observations are clipped."""


class Policy:
    """The network's structure; its parameters live outside, as one flat float32 vector.

    So that the parameters can be shared, copied, hashed, saved and sent as one array.
    """

    def __init__(
        self,
        network: AnyNetwork,
        observation_space: gymnasium.Space,
        actions: Actions,
        scalings: Sequence[str],
        pixel_mean: float = 0.0,
        pixel_std: float = 255.0,
        statistics: Statistics = NO_STATISTICS,
        masked: bool = False,
    ):
        """`scalings` are of the parts of an observation, in order (`networks/readings.py`); `masked` is whether there
        are action masks."""
        self.observations, self.actions = Observations(observation_space), actions
        shapes = self.observations.shape, self.observations.dtype, actions.shape, actions.dtype, actions.noise_shape
        state = 0 if network.core is None else network.core.state_size
        self.layout = Layout(*shapes, statistics, state, actions.outputs if masked else 0)
        if statistics.normalized:
            scalings = [scaling if scaling == "one_hot" else "raw" for scaling in scalings]
        self.scaling = tuple(scalings), pixel_mean, pixel_std
        """Those of the parts of an observation, and what pixels are scaled by."""
        leaves = jax.tree.leaves(eqx.filter(network, _is_parameter))
        self.initial_parameters = np.concatenate([np.asarray(leaf, np.float32).ravel() for leaf in leaves])
        # The network without its parameters: their places hold only shapes.
        self._template = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(leaf.shape, np.float32) if _is_parameter(leaf) else leaf, network
        )
        self._shapes = [leaf.shape for leaf in leaves]
        self._offsets = np.cumsum([0, *(leaf.size for leaf in leaves)]).tolist()

    @classmethod
    def make(
        cls,
        observation_space: gymnasium.Space,
        action_space: gymnasium.Space,
        config: TrainConfig,
        network: Network | None = None,
        most: int | None = None,
    ) -> "Policy":
        """The policy that `config` describes, initialised from its seed.

        Raises UnsupportedSpace, SettingsError; and MoreParameters where the network, if it is ours, would have more
        than `most`, before memory is taken for them.
        """
        config = with_readings(config, observation_space, network is not None)
        scalings = [reading.scaling for reading in readings(config, observation_space).values()]
        normalized = () if config.normalize_observations is False else normalized_numbers(config, observation_space)
        seed = np.random.SeedSequence(config.seed or 0, spawn_key=(0,))
        generator = np.random.default_rng(seed)
        if most is not None and network is None:
            generator = LimitedGenerator(seed, most)
        statistics = Statistics(normalized, config.rewards_are_normalized)
        scaling = scalings, config.pixel_mean, config.pixel_std
        how = statistics, bool(config.action_masks)
        if is_keras_model(network):
            _check_keras(config)
            actions = make_actions(action_space, config, 0)
            shapes = input_shapes(observation_space, scalings)
            actor_critic = keras_actor_critic(network, shapes, action_space, actions, generator)
            return cls(actor_critic, observation_space, actions, *scaling, *how)

        def torso() -> tuple[eqx.Module, int]:
            if network is None:
                return make_torso(config, observation_space, generator)
            module = network(observation_space, jax.random.key(int(generator.integers(2**31))))
            return module, _features(module, input_shapes(observation_space, scalings))

        values = config.algorithm.network == "action_values"
        policy_torso, features = torso()
        shared = shares_trunk(config, observation_space if network is None else None)
        critic_torso = None if shared or values else torso()[0]
        core = None
        if config.recurrent is not None:
            units = config.recurrent_units or features
            core, features = CORES[config.recurrent](features, units, generator), units
        actions = make_actions(action_space, config, features)
        if values:
            action_values = ActionValues(policy_torso, features, actions.outputs, generator, core)
            return cls(action_values, observation_space, actions, *scaling, *how)
        actor_critic = ActorCritic(
            policy_torso,
            critic_torso,
            features,
            actions.outputs,
            actions.initial_log_std,
            generator,
            core,
        )
        return cls(actor_critic, observation_space, actions, *scaling, *how)

    @property
    def first_snapshot(self) -> Snapshot:
        """Before any training."""
        return Snapshot(self.initial_parameters, self.layout.statistics.first_vector)

    @property
    def size(self) -> int:
        """The number of parameters, P."""
        return self._offsets[-1]

    def network(self, parameters: Float[AnyArray, "{self.size}"]) -> AnyNetwork:
        """The Equinox module with these parameters, a flat vector `[P]`."""
        pieces = iter(
            parameters[start:stop].reshape(shape)
            for start, stop, shape in zip(self._offsets[:-1], self._offsets[1:], self._shapes, strict=True)
        )
        return jax.tree.map(
            lambda leaf: next(pieces) if isinstance(leaf, jax.ShapeDtypeStruct) else leaf, self._template
        )

    def flatten(self, network: AnyNetwork) -> Float[Array, "{self.size}"]:
        """The inverse of `network`: a module, or a gradient of its shape, as a flat vector `[P]`."""
        leaves = jax.tree.leaves(eqx.filter(network, _is_parameter))
        return jnp.concatenate([leaf.ravel() for leaf in leaves])

    @property
    def recurrent(self) -> bool:
        """Whether it has a state, `[S]` for each environment, which is 0 at an episode's start."""
        return self.layout.state > 0

    def apply(
        self,
        network: AnyNetwork,
        statistics: Float[AnyArray, "{self.layout.statistics.size}"],
        observations: Shaped[AnyArray, "..."],
        state: Float[AnyArray, "*B {self.layout.state}"] | None = None,
        masks: Bool[AnyArray, "*B n"] | None = None,
    ) -> tuple[Any, Float[Array, "*B"], Float[AnyArray, "*B {self.layout.state}"] | None]:
        """Distribution, values `[...]` and next states `[..., S]` of observations `[..., *shape]`; `masks` `[..., n]`
        say which actions are valid."""
        features, critic_features = self._features(network, statistics, observations)
        if network.core is not None:
            # Nothing is remembered at an episode's start.
            state = jnp.zeros((*features.shape[:-1], self.layout.state)) if state is None else state
            state, features = network.core.step(state, network.core.inputs(features))
            critic_features = features
        return *self._heads(network, features, critic_features, masks), state

    def apply_in_time(
        self,
        network: AnyNetwork,
        statistics: Float[AnyArray, "{self.layout.statistics.size}"],
        observations: Shaped[AnyArray, "T ..."],
        starts: Bool[AnyArray, "T *B"] | None = None,
        first_state: Float[AnyArray, "1 *B {self.layout.state}"] | None = None,
        masks: Bool[AnyArray, "T *B n"] | None = None,
    ) -> tuple[Any, Float[Array, "T *B"]]:
        """Distribution and values `[T, B]` of observations `[T, B, *shape]`; the others are those of a Segment."""
        features, critic_features = self._features(network, statistics, observations)
        if network.core is not None:
            features = critic_features = unroll(network.core, first_state[0], starts, features)  # type: ignore[index]
        return self._heads(network, features, critic_features, masks)

    def _features(
        self,
        network: AnyNetwork,
        statistics: Float[AnyArray, "{self.layout.statistics.size}"],
        observations: Shaped[AnyArray, "..."],
    ) -> tuple[Float[Array, "*B f"], Float[Array, "*B g"]]:
        shape = self.layout.observation
        batch = observations.shape[: observations.ndim - len(shape)]

        observations = observations.reshape(-1, *shape)
        if self.layout.statistics.normalized:
            observations = self._normalize(statistics, observations)

        def features_of(packed: AnyArray) -> tuple[jax.Array, jax.Array]:
            return network.features(network_input(self.observations.space, packed, *self.scaling))

        features, critic_features = apply_to_frames(network, features_of, observations)
        features, critic_features = jnp.asarray(features), jnp.asarray(critic_features)
        return features.reshape(*batch, -1), critic_features.reshape(*batch, -1)

    def _heads(
        self,
        network: AnyNetwork,
        features: Float[Array, "*B f"],
        critic_features: Float[Array, "*B g"],
        masks: Bool[AnyArray, "*B n"] | None = None,
    ) -> tuple[Any, Float[Array, "*B"]]:
        outputs, values = network.heads(features, critic_features)
        actions: Any = self.actions
        masked = () if masks is None else (masks,)
        distribution = actions.distribution(outputs, features, network.log_std, *masked)
        if masks is not None and isinstance(distribution, EpsilonGreedy):
            # The best of those that are valid.
            values = distribution.values.max(axis=-1)
        return distribution, values

    def _normalize(
        self, statistics: Float[AnyArray, "{self.layout.statistics.size}"], observations: Shaped[AnyArray, "N *shape"]
    ) -> Float[Array, "N *shape"]:
        """Observations `[N, *shape]`, those of their numbers that are normalised."""
        normalized = self.layout.statistics.normalized
        mean, scale = jnp.split(statistics[: 2 * len(normalized)], 2)
        numbers = observations.reshape(-1, len(normalized)).astype(jnp.float32)
        clipped = jnp.clip((numbers - mean) * scale, -MOST_STDS, MOST_STDS)
        return jnp.where(np.array(normalized), clipped, numbers).reshape(observations.shape)

    def __call__(
        self,
        snapshot: Snapshot,
        observations: AnyArray,
        state: AnyArray | None = None,
        masks: AnyArray | None = None,
    ) -> tuple[Any, jax.Array]:
        return self._apply(snapshot, observations, state, masks)[:2]

    def _apply(
        self, snapshot: Snapshot, observations: AnyArray, state: AnyArray | None, masks: AnyArray | None
    ) -> tuple[Any, jax.Array, AnyArray | None]:
        return self.apply(self.network(snapshot.parameters), snapshot.statistics, observations, state, masks)

    def noise(self, generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """What `act` needs for actions of a batch `shape`."""
        return self.actions.noise(generator, shape)

    @cached_property
    def act(self):
        """Jitted `(snapshot, observations, noise, epsilon) -> actions` of one batch.

        A recurrent policy takes its states too, `[..., S]`, and gives `(actions, next states)`. With `masks` `[..., n]`
        only those actions are taken that they say are valid.
        """

        def act(snapshot, observations, noise, epsilon, state=None, masks=None):
            distribution, _, state = self._apply(snapshot, observations, state, masks)
            actions = self.actions.explore(distribution, epsilon).sample(noise)
            return (actions, state) if self.recurrent else actions

        return jax.jit(act)

    def choose(self, snapshot: Snapshot, *asked: Any, **masked: Any) -> Prediction:
        """What `act` does, and says of it beside: the log-probabilities of its actions, and values."""
        return self.layout.apart(np.asarray(self.predict(snapshot, *asked, **masked)))

    @cached_property
    def predict(self):
        """Jitted `(snapshot, observations, noise, epsilon) -> predictions [..., actions' size + 2]` of one batch.

        A recurrent policy takes its states too, and gives the next ones behind these numbers; `masks` are as those of
        `act`. `epsilon` is of all or of each observation. What `act` and `value` say, and the log-probability of the
        actions, in one call and one array of float32: fetching another result takes longer than computing it.
        """

        def predict(snapshot, observations, noise, epsilon, state=None, masks=None):
            distribution, values, state = self._apply(snapshot, observations, state, masks)
            explored = self.actions.explore(distribution, epsilon)
            actions = explored.sample(noise)
            flat = actions.reshape(*values.shape, -1).astype(jnp.float32)
            said = [flat, explored.log_prob(actions)[..., None], values[..., None]]
            return jnp.concatenate(said if state is None else [*said, state], axis=-1)

        return jax.jit(predict)

    @cached_property
    def best_action(self):
        """Jitted `(snapshot, observations) -> actions`: the most probable ones; with states and masks as `act`."""

        def best_action(snapshot, observations, state=None, masks=None):
            distribution, _, state = self._apply(snapshot, observations, state, masks)
            return (distribution.mode(), state) if self.recurrent else distribution.mode()

        return jax.jit(best_action)

    @cached_property
    def value(self):
        """Jitted `(snapshot, observations) -> values`, in units of the training reward; a recurrent policy takes its
        states too. With `masks` a value is that of the best valid action, where actions have values."""

        def value(snapshot, observations, state=None, masks=None):
            return self(snapshot, observations, state, masks)[1]

        return jax.jit(value)

    @cached_property
    def distribution(self):
        """Jitted `(snapshot, observations) -> (distribution, values)`, as it is played by drawn actions; a recurrent
        policy takes its states too, and `masks` are as those of `act`."""

        def distribution(snapshot, observations, state=None, masks=None):
            distribution, values = self(snapshot, observations, state, masks)
            return self.actions.explore(distribution, self.actions.played_epsilon), values

        return jax.jit(distribution)

    def __getstate__(self) -> dict[str, Any]:
        jitted = ("act", "predict", "best_action", "value", "distribution")
        return {name: value for name, value in self.__dict__.items() if name not in jitted}


def _is_parameter(leaf: Any) -> bool:
    return isinstance(leaf, (np.ndarray, jax.Array)) and jnp.issubdtype(leaf.dtype, jnp.floating)


def _check_keras(config: TrainConfig) -> None:
    """Raises SettingsError for what takes features, of which a Keras model may give none."""
    if config.algorithm.network == "action_values":
        raise SettingsError(f"{config.algorithm} needs a network of another kind than Keras: give an Equinox module")
    if config.action_std == "gsde":
        raise SettingsError("`action_std` gsde needs a network of another kind than Keras: use state or learned")
    if config.recurrent is not None:
        raise SettingsError("`recurrent` needs a network of another kind than Keras: leave it out")


def _features(module: eqx.Module, observation: Any) -> int:
    """How many features a module of the user's own gives for an observation of these shapes."""
    try:
        features = eqx.filter_eval_shape(module, observation)  # type: ignore[arg-type]
    except Exception as error:
        shapes = jax.tree.map(lambda part: part.shape, observation)
        raise SettingsError(f"network: the module fails on an observation of shape {shapes}: {error}") from error
    if not hasattr(features, "shape") or len(features.shape) != 1:
        raise SettingsError(f"network: the module must return features of shape [n], not {features}")
    return features.shape[0]
