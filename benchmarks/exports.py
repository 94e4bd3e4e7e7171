"""Every kind of network, observation, action and algorithm, exported to ONNX and compared with the policy itself.

    python benchmarks/exports.py                # all pairs; some minutes
    python benchmarks/exports.py --only frames  # those whose names hold this

The tests export a few that have a bit of everything; this is the product. Parameters and statistics are random. Of each
it prints the largest difference between onnxruntime's numbers and the policy's, and the seconds that it took; it ends
with status 1 where one is not exported. Needs the onnx extra.
"""

import argparse
import sys
import time
from itertools import product
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space, Tuple

from a3c.algorithm.builtin import BUILT_IN
from a3c.config.making import make_config
from a3c.errors import A3CError
from a3c.exporting.onnx_model import onnx_model
from a3c.exporting.trial import largest_difference
from a3c.learning.snapshot import Snapshot
from a3c.networks.policy import Policy

OBSERVATIONS: dict[str, Space] = {
    "Box": Box(-np.inf, np.inf, (3,)),
    "Box bounded": Box(-1.0, 2.0, (2, 3), np.float64),
    "Box scalar": Box(-1.0, 1.0, ()),
    "Box huge": Box(-3e38, 3e38, (3,), np.float32),
    "Box whole": Box(-2, 5, (3,), np.int64),
    "Box bytes": Box(0, 255, (7,), np.uint8),
    "Discrete": Discrete(5, start=-2),
    "MultiDiscrete": MultiDiscrete([3, 4], start=[1, -1]),
    "MultiDiscrete even": MultiDiscrete(np.full((2, 2), 3)),
    "MultiBinary": MultiBinary((2, 3)),
    "frames": Box(0, 255, (40, 40, 3), np.uint8),
    "frames first": Box(0, 255, (2, 36, 40), np.uint8),
    "frames 84x84": Box(0, 255, (84, 84, 4), np.uint8),
    "grid": Box(0.0, 1.0, (10, 10, 4), np.float32),
    "grid of bits": Box(0, 1, (10, 10, 4), bool),  # type: ignore[arg-type]
    "grid of numbers": Box(0, 3, (7, 7), np.int64),
    "Dict": Dict(
        near=Box(-np.inf, np.inf, (2,)),
        kind=Discrete(3, start=1),
        camera=Box(0, 255, (20, 20, 3), np.uint8),
        rest=Dict(bits=MultiBinary(4), state=Tuple([MultiDiscrete([2, 3]), Box(-1, 1, (2,), np.float64)])),
    ),
    "Tuple": Tuple([Box(0, 9, (2,), np.int32), Discrete(4)]),
    "Dict of bytes": Dict(a=Box(0, 255, (4,), np.uint8), b=Box(0, 255, (2, 2), np.uint8)),
}
ACTIONS: dict[str, tuple[Space, dict[str, Any]]] = {
    "Discrete": (Discrete(3, start=1), {}),
    "MultiDiscrete": (MultiDiscrete(np.array([[2], [3]]), start=np.array([[1], [0]]), dtype=np.int32), {}),
    "MultiBinary": (MultiBinary((2, 2)), {}),
    "Box": (Box(np.array([-2.0, 0.1, -np.inf], np.float32), np.array([3.0, np.inf, np.inf], np.float32)), {}),
    "Box float64": (Box(-0.1, 0.3, (2, 1), np.float64), {}),
    "Box whole": (Box(-3, 7, (2,), np.int64), {}),
    "Box unbounded": (Box(-np.inf, np.inf, (1,)), {}),
    "Box tanh": (Box(-2.0, 3.0, (2,)), {"action_bounds": "tanh"}),
    "Box state std": (Box(-2.0, 3.0, (2,)), {"action_std": "state"}),
    "Box tanh state std": (Box(-2.0, 3.0, (2,)), {"action_std": "state", "action_bounds": "tanh"}),
    "Box gSDE": (Box(-2.0, 3.0, (2,)), {"action_std": "gsde"}),
    "Dict": (
        Dict(lever=Discrete(3, start=5), force=Box(0, 10, (2, 1)), rest=Tuple([MultiBinary(2), Box(-1, 1, ())])),
        {},
    ),
    "Tuple gSDE": (Tuple([MultiDiscrete([2, 3]), Box(-2.0, 3.0, (2,))]), {"action_std": "gsde"}),
}
NETWORKS: dict[str, dict[str, Any]] = {
    "default": {},
    "shared": {"shared_trunk": True},
    "elu, layer norm": {"activation": "elu", "layer_norm": True},
    "relu": {"activation": "relu", "hidden": (8,)},
    "linear": {"hidden": ()},
    "lstm": {"recurrent": "lstm", "recurrent_units": 12},
    "gru": {"recurrent": "gru", "recurrent_units": 12},
    "normalized": {"normalize_observations": True, "normalize_rewards": True},
}
CONVOLUTIONS = [{"network": name} for name in ("a3c", "nature", "small")]


def cases() -> list[tuple[str, Space, Space, dict[str, Any]]]:
    """A name, the spaces, and settings of each."""
    found = []
    for (seen, space), (net, settings) in product(OBSERVATIONS.items(), NETWORKS.items()):
        if not (net == "linear" and ("frames" in seen or "grid" in seen)):
            found.append((f"{seen} | {net} | Discrete", space, ACTIONS["Discrete"][0], settings))
    for settings in CONVOLUTIONS:
        space = OBSERVATIONS["frames 84x84"]
        found.append((f"frames 84x84 | {settings['network']} | Discrete", space, ACTIONS["Discrete"][0], settings))
    for (acts, (space, more)), (net, settings) in product(ACTIONS.items(), NETWORKS.items()):
        found.append((f"Box | {net} | {acts}", OBSERVATIONS["Box"], space, settings | more))
    for name, algorithm in BUILT_IN.items():
        if algorithm.learns != "nowhere":
            settings = {"algorithm": name}
            found.append((f"Box | {name} | Discrete", OBSERVATIONS["Box"], ACTIONS["Discrete"][0], settings))
    return found


def randomized(policy: Policy, generator: np.random.Generator) -> Snapshot:
    """Parameters and statistics as if something had been learned."""
    first, statistics = policy.first_snapshot, policy.layout.statistics
    normalized = np.array(statistics.normalized, bool)
    vector = [
        np.where(normalized, generator.normal(size=normalized.size), 0.0),
        np.where(normalized, np.exp(generator.normal(size=normalized.size)), 1.0),
        np.full(int(statistics.rewards), 2.5),
    ]
    parameters = first.parameters + 0.05 * generator.normal(size=first.parameters.shape).astype(np.float32)
    return Snapshot(parameters, np.concatenate(vector).astype(np.float32))


def main() -> int:
    """Tries them all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--only", default="", help="those whose names hold this")
    only, failed, worst, count = parser.parse_args().only, [], 0.0, 0
    for name, observations, actions, settings in cases():
        if only not in name:
            continue
        plain = {"environment": "", "seed": 0, "normalize_observations": False, "normalize_rewards": False}
        # How an action is drawn does not hang on what was observed.
        for way in ("greedy", "sampled") if observations is OBSERVATIONS["Box"] else ("greedy",):
            count, started = count + 1, time.perf_counter()
            try:
                policy = Policy.make(observations, actions, make_config(plain | settings, ""))
                snapshot = randomized(policy, np.random.default_rng(count))
                model = onnx_model(policy, snapshot, way, {}).SerializeToString()
                difference = largest_difference(model, policy, snapshot, way)
                worst = max(worst, difference)
                said = f"{difference:.1e}"
            except A3CError as error:
                failed.append(name)
                said = f"FAILED: {error}"
            print(f"{name} | {way} | {said} | {time.perf_counter() - started:.1f} s", flush=True)
    print(f"{count - len(failed)} of {count} exported; largest difference {worst:.1e}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
