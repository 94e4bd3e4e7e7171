"""A policy as an ONNX model. jax2onnx writes the network; what is around it is in `borders.py`.

In use:

    model = onnx_model(policy, snapshot, "greedy", {})     # an onnx.ModelProto
"""
# pyright: reportMissingImports=false

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax

from a3c.config.evaluating import Way
from a3c.errors import ExportError, described, install
from a3c.exporting.interface import Port, acted, acting, besides, inputs, outputs
from a3c.learning.snapshot import Snapshot
from a3c.networks.keras_model import KerasActorCritic
from a3c.networks.policy import Policy

OPSET = 21
"""Of May 2024: onnxruntime reads it from 1.18 on."""
BATCH = "batch"


def onnx_model(policy: Policy, snapshot: Snapshot, way: Way, about: dict[str, str]) -> Any:
    """The onnx.ModelProto, with a free batch size, and `about` as its metadata.

    Raises ExportError for what ONNX has no form of.
    """
    if isinstance(policy.network(snapshot.parameters), KerasActorCritic):
        raise ExportError(
            "a Keras model is a finished program in here, which ONNX has no form of: agent.keras_model() gives it, for "
            "what Keras itself exports to"
        )
    with _quiet():
        try:
            import jax2onnx
            from onnx import helper

            from a3c.exporting.borders import Nodes, pack, to_environment
        except ImportError as error:
            raise ExportError(f"ONNX needs more to be installed: {install('onnx')} ({error})") from None
        before, after = Nodes("before"), Nodes("after")
        packed = pack(before, policy)
        core = _convert(jax2onnx.to_onnx, policy, snapshot, way, packed)
    ports, actions = outputs(policy, snapshot, way), {port.name: part for port, part in acted(policy)}
    # Two outputs may be one value, as the most probable action and the mean are.
    for port, result in zip(ports, core.graph.output, strict=True):
        part = actions.get(port.name)
        ours = result.name if part is None else to_environment(after, result.name, port, part)
        after.rename(ours, port.name)

    def described_port(port: Port) -> Any:
        kind = helper.np_dtype_to_tensor_dtype(port.dtype)
        return helper.make_tensor_value_info(port.name, kind, [BATCH, *port.shape])

    graph = helper.make_graph(
        [*before.nodes, *core.graph.node, *after.nodes],
        "policy",
        [described_port(port) for port in inputs(policy, way)],
        [described_port(port) for port in ports],
    )
    # Runtimes warn of each constant that no node takes, and of shapes within the graph that jax2onnx got wrong.
    taken = set(_taken(graph))
    constants = [*before.constants, *core.graph.initializer, *after.constants]
    graph.initializer.extend(constant for constant in constants if constant.name in taken)
    kept = {"opset_imports": core.opset_import, "functions": core.functions, "ir_version": core.ir_version}
    model = helper.make_model(graph, producer_name="a3c", **kept)
    helper.set_model_props(model, about)
    return model


def _convert(to_onnx: Any, policy: Policy, snapshot: Snapshot, way: Way, packed: str) -> Any:
    """What `acting` computes of packed observations, by that name, up to the policy's own action."""
    act = acting(policy, snapshot, way)
    given = [Port(packed, policy.layout.observation, policy.layout.observation_dtype), *besides(policy, way)]
    (batch,) = jax.export.symbolic_shape(BATCH)
    try:
        return to_onnx(
            lambda *arrays: tuple(act(*arrays).values()),
            [jax.ShapeDtypeStruct((batch, *port.shape), port.dtype) for port in given],
            opset=OPSET,
            input_names=[port.name for port in given],
        )
    except Exception as error:
        primitive = re.search(r"primitive '([^']+)'", str(error))
        what = f"ONNX has no form of its primitive {primitive[1]}" if primitive else described(error)
        raise ExportError(
            f"the network cannot be converted: {what}; leave that out of it, or export its parameters alone, as "
            "safetensors or numpy"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what jax2onnx and its parts log and warn of, which is for their authors; nor do they set up logging."""
    handlers, level = list(logging.root.handlers), logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
        logging.root.handlers[:] = handlers


def _taken(graph: Any) -> Iterator[str]:
    """The names that nodes take, those in graphs of their own among them."""
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            yield from _taken(attribute.g)
