"""The numbers of a policy, by the names of its layers, and what else is needed to act with them."""

import io
import json
from typing import Any

import jax
import numpy as np
from gymnasium.spaces import Box

from a3c.environments.spaces import describe_space
from a3c.exporting.interface import acted, observed
from a3c.learning.snapshot import Snapshot
from a3c.networks.layers import layers
from a3c.networks.policy import Policy


def arrays_of(policy: Policy, snapshot: Snapshot) -> dict[str, np.ndarray]:
    """Parameters as `torso.layers.0.weight`; what is normalised with as `statistics.mean`; the bounds of spaces."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(policy.network(snapshot.parameters))
    found = {
        jax.tree_util.keystr(path, simple=True, separator="."): np.array(leaf)
        for path, leaf in leaves
        if np.issubdtype(getattr(leaf, "dtype", None), np.floating)
    }
    statistics = policy.layout.statistics
    if statistics.normalized:
        mean, scale = np.split(np.asarray(snapshot.statistics)[: 2 * len(statistics.normalized)], 2)
        found |= {"statistics.mean": mean, "statistics.scale": scale}
        found["statistics.normalized"] = np.array(statistics.normalized, np.uint8)
    if statistics.rewards:
        found["statistics.return_deviation"] = np.asarray(snapshot.return_deviation)
    for port, space in [*observed(policy), *((port, part.space) for port, part in acted(policy))]:
        if isinstance(space, Box):
            found |= {f"{port.name}.low": space.low, f"{port.name}.high": space.high}
    return {name: np.ascontiguousarray(array) for name, array in found.items()}


def header_of(policy: Policy, snapshot: Snapshot, settings: dict[str, Any]) -> dict[str, Any]:
    """What the arrays are: plain JSON values. `settings` are those of the run."""
    network = policy.network(snapshot.parameters)
    scalings, pixel_mean, pixel_std = policy.scaling
    return {
        "observation_space": describe_space(policy.observations.space),
        "action_space": describe_space(policy.actions.space),
        "actions": policy.actions.description,
        "inputs": {port.name: scaling for (port, _), scaling in zip(observed(policy), scalings, strict=True)},
        "pixel_mean": pixel_mean,
        "pixel_std": pixel_std,
        "activation": getattr(getattr(network, "torso", None), "activation", None),
        "layers": {name: [layer._asdict() for layer in those] for name, those in layers(network).items()},
        "settings": settings,
    }


def as_safetensors(arrays: dict[str, np.ndarray], about: dict[str, str]) -> bytes:
    """A file whose metadata are `about`."""
    from safetensors.numpy import save

    return save(arrays, about)


def as_npz(arrays: dict[str, np.ndarray], about: dict[str, str]) -> bytes:
    """A file that has their `header` as an array of that name, and the rest of them, as JSON, in the array `about`."""
    file, rest = io.BytesIO(), {name: text for name, text in about.items() if name != "header"}
    texts = {"header": np.array(about["header"]), "about": np.array(json.dumps(rest))}
    np.savez(file, **(texts | arrays))  # type: ignore[arg-type]
    return file.getvalue()
