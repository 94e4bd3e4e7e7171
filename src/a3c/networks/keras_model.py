"""A Keras model (Keras 3, its JAX backend) as the network of a policy.

In use:

    if is_keras_model(network):
        network = keras_actor_critic(network, shapes, action_space, actions, generator)
    outputs, values = network.heads(*network.features(observation))     # inside jit and vmap, as an ActorCritic
    model = network.keras_model()                        # with these weights, to save

The model is traced once, in the process it was made in. Workers get the traced program and never import Keras, so that
any layers will do, also those that are defined in a script.
"""

import re
import sys
from functools import cached_property, partial
from typing import Any, Protocol, TypeGuard, runtime_checkable

import equinox as eqx
import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.spaces import Box, Discrete
from jax import export

from a3c.environments.spaces import in_a_line
from a3c.errors import SettingsError, install
from a3c.networks.actions import Actions

SMALLEST_PROBABILITY = 1e-30
"""Below it, probabilities of actions are taken for it, as their logarithm would be infinite."""

PLATFORMS = ("cpu", "cuda")
"""Where workers and learners run the program."""


@runtime_checkable
class KerasModel(Protocol):
    """A keras.Model, for those who have no Keras."""

    def __call__(self, *inputs: Any) -> Any: ...

    def stateless_call(self, weights: Any, state: Any, *inputs: Any, **settings: Any) -> Any: ...


def is_keras_model(network: Any) -> TypeGuard[KerasModel]:
    """Without importing Keras: whoever made a model has done so."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(network, keras.Model)


class KerasActorCritic(eqx.Module):
    """What an ActorCritic is to a Policy, with the layers and the heads of a Keras model."""

    weights: list[Any]
    """The model's trainable variables."""
    log_std: Any
    program: "Program" = eqx.field(static=True)

    core = None

    def features(self, observation: Any) -> tuple[jax.Array, jax.Array]:
        """Outputs of the policy's head, and the value `[1]`, of one observation: a Keras model has its own heads."""
        outputs, value = self.program(self.weights, observation)
        return outputs, value[None]

    def heads(self, features: jax.Array, critic_features: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Outputs `[..., outputs]` and values `[...]`, as they are."""
        return features, critic_features[..., 0]

    def keras_model(self) -> Any:
        """The Keras model, with these weights."""
        for variable, weights in zip(self.program.model.trainable_variables, self.weights, strict=True):
            variable.assign(weights)
        return self.program.model


class Program:
    """A traced model, `(weights, observation) -> (outputs [n], value [])`; as bytes it travels to other processes."""

    def __init__(self, model: Any, serialized: bytes):
        self.model = model
        """The Keras model; only in the process it was made in."""
        self._serialized = serialized

    def __getstate__(self) -> dict[str, Any]:
        return {"_serialized": self._serialized}

    @cached_property
    def _run(self) -> Any:
        """Of a batch: `(weights, observations [N, ...]) -> (outputs [N, n], values [N])`."""
        return export.deserialize(bytearray(self._serialized)).call

    def __call__(self, weights: list[jax.Array], observation: Any) -> tuple[jax.Array, jax.Array]:
        @jax.custom_batching.custom_vmap
        def run(weights: list[jax.Array], observation: Any) -> tuple[jax.Array, jax.Array]:
            outputs, values = self._run(weights, jax.tree.map(lambda part: part[None], observation))
            return outputs[0], values[0]

        @run.def_vmap
        def run_batch(size: int, batched: Any, weights: list[jax.Array], observations: Any) -> Any:
            assert not any(batched[0]), "one set of weights for all observations"
            return self._run(weights, observations), (True, True)

        return run(weights, observation)


def keras_actor_critic(
    model: KerasModel,
    shapes: Any,
    action_space: gymnasium.Space,
    actions: Actions,
    generator: np.random.Generator,
) -> KerasActorCritic:
    """The network of a Keras model that gives policy and value, or features, to which these two heads are added.

    `shapes` are those of its input (`input_shapes`).

    A policy whose numbers add up to 1, as after a softmax, holds the probabilities of Discrete actions; else it holds
    their logits. For Box it is what `Actions` makes a distribution of: the mean.

    Raises:
        SettingsError: Keras runs on another backend, the model does not fit the spaces, or it has a state.
    """
    keras = sys.modules["keras"]
    backend = keras.backend.backend()
    if backend != "jax":
        raise SettingsError(f"network: Keras runs on {backend}: set KERAS_BACKEND=jax before importing keras")
    inputs = _inputs(shapes)
    outputs = _outputs(model, inputs)
    found, wanted = [tuple(output.shape) for output in outputs], [(None, actions.outputs), (None, 1)]
    if found != wanted and [len(shape) for shape in found] != [2]:
        raise SettingsError(
            f"network: the Keras model gives {found}, but for actions {in_a_line(action_space)} it must give "
            f"policy and value, {wanted}, or features alone, [(None, n)]"
        )
    if len(outputs) == 1:
        outputs = _heads(outputs[0], actions.outputs, generator)
        model = keras.Model(inputs, outputs)
    whole, examples = keras.Model(inputs, outputs), _examples(shapes, generator)
    _check_stateless(whole, examples)
    state = [variable.value for variable in whole.non_trainable_variables]
    weights = [np.asarray(variable.value, np.float32) for variable in whole.trainable_variables]

    def run(softmax: bool, weights: list[jax.Array], observations: Any) -> tuple[jax.Array, jax.Array]:
        (policy, values), _ = whole.stateless_call(weights, state, observations, training=False)
        policy, values = policy.astype(jnp.float32), values[:, 0].astype(jnp.float32)
        return (jnp.log(jnp.maximum(policy, SMALLEST_PROBABILITY)) if softmax else policy), values

    policy, _ = jax.jit(partial(run, False))(weights, examples)
    softmax = not isinstance(action_space, Box) and np.allclose(policy.sum(axis=-1), 1.0, atol=1e-2)
    if softmax and not isinstance(action_space, Discrete):
        raise SettingsError(
            f"network: the policy of the Keras model is a softmax, but actions are {in_a_line(action_space)}: "
            "leave it out"
        )
    program = Program(model, _serialized(partial(run, softmax), weights, shapes))
    return KerasActorCritic(weights, actions.initial_log_std, program)


def _inputs(shapes: Any) -> Any:
    """What a Keras model is called with to see what it makes of it; what belongs to a Dict has its name."""
    keras = sys.modules["keras"]

    def make(path: Any, part: jax.ShapeDtypeStruct) -> Any:
        return keras.Input(part.shape, name=getattr(path[-1], "key", None) if path else None)

    return jax.tree_util.tree_map_with_path(make, shapes)


def _outputs(model: Any, inputs: Any) -> list[Any]:
    """What the model makes of the inputs. Raises SettingsError."""
    try:
        outputs = model(inputs)
    except Exception as error:
        shapes = [tuple(part.shape[1:]) for part in jax.tree.leaves(inputs)]
        # Without what Keras adds: bold letters, and all arguments.
        what = " ".join(re.sub(r"\x1b\[\d+m", "", str(error)).partition("Arguments received")[0].split())
        raise SettingsError(f"network: the Keras model fails on an observation of shape {shapes}: {what}") from error
    if isinstance(outputs, dict):
        raise SettingsError("network: the Keras model gives a dictionary: give policy and value as a list")
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def _heads(features: Any, outputs: int, generator: np.random.Generator) -> list[Any]:
    """Policy and value, drawn as those of an ActorCritic are."""
    keras = sys.modules["keras"]

    def head(name: str, width: int, gain: float) -> Any:
        initializer = keras.initializers.Orthogonal(gain, seed=int(generator.integers(2**31)))
        return keras.layers.Dense(width, kernel_initializer=initializer, name=name)(features)

    return [head("policy", outputs, 0.01), head("value", 1, 1.0)]


def _examples(shapes: Any, generator: np.random.Generator) -> Any:
    """A few random observations, as the network gets them, `[N, ...]`."""
    return jax.tree.map(lambda part: generator.normal(size=(4, *part.shape)).astype(np.float32), shapes)


def _check_stateless(model: Any, observations: Any) -> None:
    """Raises SettingsError for variables that are not trained, but for seeds that nothing draws from."""
    variables, changed = model.non_trainable_variables, []

    def call(weights: list[jax.Array], state: list[jax.Array], observations: Any) -> None:
        _, after = model.stateless_call(weights, state, observations, training=True)
        changed.extend(new is not old for new, old in zip(after, state, strict=True))

    jax.eval_shape(call, *([v.value for v in kind] for kind in (model.trainable_variables, variables)), observations)
    kept = [v.path for v, new in zip(variables, changed, strict=True) if new or "float" in v.dtype]
    if kept:
        raise SettingsError(
            f"network: the Keras model keeps {', '.join(kept)}, which no gradient trains: leave out layers such as "
            "Dropout and BatchNormalization, and freeze none"
        )


def _serialized(run: Any, weights: list[np.ndarray], shapes: Any) -> bytes:
    """The program of any number of observations, with its gradient. Raises SettingsError."""
    (batch,) = export.symbolic_shape("batch")
    batches = jax.tree.map(lambda part: jax.ShapeDtypeStruct((batch, *part.shape), part.dtype), shapes)
    try:
        return bytes(export.export(jax.jit(run), platforms=PLATFORMS)(weights, batches).serialize(vjp_order=1))
    except ImportError as error:
        raise SettingsError(
            f"network: a Keras model needs more to be installed: {install('keras')} ({error})"
        ) from error
