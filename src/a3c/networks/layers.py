"""The layers of a policy, for people: what each gives, and how many parameters it has."""

from typing import Any, NamedTuple

import jax
import numpy as np

from a3c.networks.choosing import Joined
from a3c.networks.conv import ConvNet, size_after
from a3c.networks.keras_model import KerasActorCritic
from a3c.networks.mlp import MLP, ActionValues, ActorCritic


class Layer(NamedTuple):
    """A layer, or all those of a module that is not from here."""

    name: str
    output: tuple[int, ...]
    parameters: int


def layers(network: ActorCritic | ActionValues | KerasActorCritic) -> dict[str, list[Layer]]:
    """The layers of each part of the network; the policy's come with the value's where they share them.

    All parameters are in one of the parts.
    """
    if isinstance(network, KerasActorCritic):
        return {"policy and value": [Layer("Keras model", (), _size(network))]}
    shared, core = network.critic_torso is None, network.core
    values = isinstance(network, ActionValues)
    features = ((network.head if values else network.policy_head) if core is None else core.inputs).weight.shape[0]
    name = "action values" if values else "policy and value" if shared else "policy"
    found = {name: _layers(network.torso, features)}
    if core is not None:
        found[name].append(Layer(type(core).__name__, core.recurrent.shape[:1], _size(core)))
    if values:
        return found | {"heads": [Layer("action values", network.head.bias.shape, _size(network.head))]}
    if not shared:
        found["value"] = _layers(network.critic_torso, features)
    found["heads"] = [
        Layer("policy head", network.policy_head.bias.shape, _size(network.policy_head)),
        Layer("value head", network.value_head.bias.shape, _size(network.value_head)),
    ]
    if network.log_std is not None:
        found["heads"].append(Layer("standard deviation", network.log_std.shape, _size(network.log_std)))
    return found


def _layers(module: Any, features: int) -> list[Layer]:
    if isinstance(module, MLP):
        return _of_mlp(module)
    if isinstance(module, ConvNet):
        return _of_convolutions(module)
    if isinstance(module, Joined):
        encoded: list[Layer] = []
        for path, encoder in zip(module.paths, module.encoders, strict=True):
            if encoder is not None:
                name = "/".join(map(str, path))
                encoded += [layer._replace(name=f"{name}: {layer.name}") for layer in _layers(encoder, features)]
        return encoded + _of_mlp(module.dense)
    return [Layer(type(module).__name__, (features,), _size(module))]


def _of_mlp(module: MLP) -> list[Layer]:
    return [Layer(f"dense, {module.activation}", layer.bias.shape, _size(layer)) for layer in module.layers]


def _of_convolutions(module: ConvNet) -> list[Layer]:
    found, (rows, columns, _) = [], module.shape
    for convolution in module.convolutions:
        kernel, _, _, channels = convolution.weight.shape
        rows, columns = (size_after(size, kernel, convolution.stride) for size in (rows, columns))
        name = f"convolution {kernel}x{kernel}, stride {convolution.stride}, {module.activation}"
        found.append(Layer(name, (rows, columns, channels), _size(convolution)))
    return found + _of_mlp(module.dense)


def _size(module: Any) -> int:
    arrays = (leaf for leaf in jax.tree.leaves(module) if hasattr(leaf, "dtype"))
    return sum(int(np.size(leaf)) for leaf in arrays if np.issubdtype(leaf.dtype, np.floating))
