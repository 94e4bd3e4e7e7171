"""What is around the network in an ONNX graph: from what an environment gives to what `Observations` packs, and from a
policy's action to what an environment takes.

These are in the environment's own types and in float64, as NumPy computes them (`Observations`, `Actions`); the network
is in float32.
"""
# pyright: reportMissingImports=false

from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, MultiDiscrete
from onnx import helper, numpy_helper

from a3c.environments.observations import size_of
from a3c.exporting.interface import OnePart, Port, observed
from a3c.networks.actions import BoxActions
from a3c.networks.policy import Policy

BATCH = -1
"""As a size to reshape to: whatever is left."""


class Nodes:
    """Nodes of a graph, written one after the other, with their constants."""

    def __init__(self, name: str):
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._name = name

    def add(self, kind: str, *given: "str | np.ndarray", **attributes: Any) -> str:
        """What one node makes of values, which have names, and of constants: the name of that."""
        names = [one if isinstance(one, str) else self._constant(one) for one in given]
        result = f"{self._name}/{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, names, [result], **attributes))
        return result

    def cast(self, value: str, dtype: Any) -> str:
        return self.add("Cast", value, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def reshape(self, value: str, shape: tuple[int, ...]) -> str:
        return self.add("Reshape", value, np.array((BATCH, *shape), np.int64))

    def rename(self, value: str, name: str) -> None:
        self.nodes.append(helper.make_node("Identity", [value], [name]))

    def _constant(self, array: np.ndarray) -> str:
        self.constants.append(numpy_helper.from_array(array, f"{self._name}/constant {len(self.constants)}"))
        return self.constants[-1].name


def pack(nodes: Nodes, policy: Policy) -> str:
    """The packed observations of a batch, `[batch, *shape]`: as `Observations.pack` makes them."""
    flat, dtype = [], policy.observations.dtype
    for port, part in observed(policy):
        value = port.name
        if isinstance(part, Discrete | MultiDiscrete) and np.any(part.start):
            value = nodes.add("Sub", nodes.cast(value, np.int64), np.asarray(part.start, np.int64))
        if value != port.name or port.dtype != dtype:
            value = nodes.cast(value, dtype)
        if isinstance(policy.observations.space, Box):
            return value
        flat.append(nodes.reshape(value, (size_of(part),)))
    return flat[0] if len(flat) == 1 else nodes.add("Concat", *flat, axis=1)


def to_environment(nodes: Nodes, value: str, port: Port, actions: OnePart) -> str:
    """The environment's form of a batch of actions, or of a part of them, `[batch, *shape]`: as `to_environment` makes
    them."""
    value = _numbers(nodes, value, actions) if isinstance(actions, BoxActions) else _choices(nodes, value, actions)
    value = nodes.cast(value, port.dtype)
    return value if port.shape == actions.shape else nodes.reshape(value, port.shape)


def _choices(nodes: Nodes, value: str, actions: Any) -> str:
    start = np.asarray(getattr(actions.space, "start", 0), np.int64).ravel()
    return nodes.add("Add", nodes.cast(value, np.int64), start) if start.any() else value


def _numbers(nodes: Nodes, value: str, actions: BoxActions) -> str:
    low, high = (bound.ravel().astype(np.float64) for bound in (actions.space.low, actions.space.high))
    bounded = np.isfinite(low) & np.isfinite(high)
    value = nodes.cast(value, np.float64)
    if actions.tanh:
        value = nodes.add("Tanh", value)
    if bounded.any():
        half = nodes.add("Div", nodes.add("Add", value, np.array(1.0)), np.array(2.0))
        span = np.where(bounded, high, 0.0) - np.where(bounded, low, 0.0)
        middle = nodes.add("Add", nodes.add("Mul", half, span), np.where(bounded, low, 0.0))
        value = nodes.add("Where", bounded, middle, value)
    if np.isfinite([low, high]).any():
        value = nodes.add("Min", nodes.add("Max", value, low), high)
    return nodes.add("Round", value) if np.issubdtype(actions.space.dtype, np.integer) else value
