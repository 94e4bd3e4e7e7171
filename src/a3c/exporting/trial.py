"""An exported policy on trial: what onnxruntime makes of it, against what the agent does."""
# pyright: reportMissingImports=false

import copy
from typing import Any

import jax
import numpy as np
from gymnasium.spaces import Box

from a3c.config.evaluating import Way
from a3c.environments.masks import mask_counts
from a3c.environments.observations import size_of
from a3c.environments.spaces import in_form
from a3c.errors import ExportError, described
from a3c.exporting.interface import OnePart, acted, besides, drawn_by, observed, parameters_of
from a3c.learning.joint import Joint
from a3c.learning.snapshot import Snapshot
from a3c.networks.actions import BoxActions
from a3c.networks.policy import Policy

COUNT = 64
"""Observations that it is tried on."""
MOST = 1e-5
"""How far numbers may be apart, those above 1 in proportion."""
LARGE = 1e6
"""Bounds beyond it say nothing of what is observed."""


def largest_difference(model: bytes, policy: Policy, snapshot: Snapshot, way: Way) -> float:
    """Between its numbers and the agent's, on random observations of the space: the largest.

    Raises ExportError where one is above MOST, and where an action is another that is not as good as tied.
    """
    generator = np.random.default_rng(0)
    given = _observations(policy, snapshot, generator)
    packed, _ = policy.observations.pack_any(in_form(policy.observations.space, iter(given.values())))
    noises = {port.name: part for port, part in drawn_by(policy)}
    more = {
        port.name: noises[port.name].noise(generator, (COUNT,))
        if port.name in noises
        else _drawn(port.name, port.shape, policy, generator)
        for port in besides(policy, way)
    }
    try:
        theirs, alone = _run(model, [given | more, {name: array[:1] for name, array in (given | more).items()}])
    except Exception as error:
        raise ExportError(f"onnxruntime does not run what was exported: {described(error)}") from error
    # On a GPU products may be less exact.
    with jax.default_matmul_precision("highest"):
        ours = _numbers(policy, snapshot, packed, more)
        if not _same_actions(policy, snapshot, way, packed, more, theirs):
            raise ExportError("what was exported takes other actions than the agent: nothing was written")
    differences = {name: _difference(theirs[name], array) for name, array in ours.items()}
    differences |= {f"{name} of one alone": _difference(alone[name], theirs[name][:1]) for name in ours}
    worst = max(differences, key=differences.__getitem__)
    if not max(differences.values()) <= MOST:
        raise ExportError(
            f"what was exported gives other numbers than the agent, {worst} off by {differences[worst]:.2g}: nothing "
            "was written"
        )
    return differences[worst]


def _run(model: bytes, batches: list[dict[str, np.ndarray]]) -> list[dict[str, np.ndarray]]:
    """What onnxruntime makes of the inputs, each by the names of the outputs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # What it says of a file that it cannot run is raised too.
    options.log_severity_level = 4
    session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return [dict(zip(names, session.run(None, batch), strict=True)) for batch in batches]


def _numbers(policy: Policy, snapshot: Snapshot, packed: np.ndarray, more: dict[str, np.ndarray]) -> dict[str, Any]:
    """The agent's own, by the names of the outputs."""
    remembered, masked = _context(policy, more)
    values = np.asarray(policy.value(snapshot, packed, *remembered, **masked))
    if policy.layout.statistics.rewards:
        values = values * snapshot.return_deviation
    found = {"value": values} | parameters_of(policy(snapshot, packed, *remembered, **masked)[0], policy)
    if not remembered:
        return found
    return found | {"next_state": policy.best_action(snapshot, packed, *remembered, **masked)[1]}


def _context(policy: Policy, more: dict[str, np.ndarray]) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """What the policy takes beside observations: states, and masks by their keyword."""
    masked = {"masks": more["action_mask"]} if policy.layout.mask else {}
    return [more["state"]] if policy.recurrent else [], masked


def _same_actions(
    policy: Any,
    snapshot: Snapshot,
    way: Way,
    packed: np.ndarray,
    more: dict[str, np.ndarray],
    theirs: dict[str, np.ndarray],
) -> bool:
    """Whether their actions are those of the agent, or such as a difference of MOST in its numbers makes of them."""
    (remembered, masked), actions = _context(policy, more), policy.actions

    def chosen(shift: float) -> list[np.ndarray]:
        """Each part's."""
        if way == "greedy":
            found = policy.best_action(snapshot, packed, *remembered, **masked)
        else:
            each = [
                more[port.name] if isinstance(part, BoxActions) else more[port.name] + np.float32(shift)
                for port, part in drawn_by(policy)
            ]
            noise = np.asarray(actions.one_noise(each))
            found = policy.act(snapshot, packed, noise, actions.played_epsilon, *remembered, **masked)
        return actions.each(np.asarray(found[0] if remembered else found, actions.dtype))

    def shifted(part: OnePart, found: np.ndarray, shift: float) -> np.ndarray:
        return found + shift * np.maximum(np.abs(found), 1.0) if isinstance(part, BoxActions) else found

    shifts = (-MOST, 0.0, MOST)
    distribution, _ = policy(snapshot, packed, *remembered, **masked)
    distributions = distribution.distributions if isinstance(distribution, Joint) else [distribution]
    columns = zip(*map(chosen, shifts), strict=True)
    for (port, part), its, column in zip(acted(policy), distributions, columns, strict=True):
        own = [found.astype(part.dtype) for found in column]
        ours = np.stack(
            [part.to_environment(shifted(part, found, shift)) for found, shift in zip(own, shifts, strict=True)]
        )
        given = theirs[port.name]
        if given.shape != ours[0].shape or given.dtype != ours[0].dtype:
            return False
        same = ((given >= ours.min(axis=0)) & (given <= ours.max(axis=0))).reshape(COUNT, -1).all(axis=1)
        if way == "greedy" and not same.all() and not isinstance(part, BoxActions):
            score = getattr(its, "value_of", its.log_prob)
            same |= np.asarray(score(part.from_environment(given)) >= score(own[1]) - MOST)
        if not same.all():
            return False
    return True


def _difference(theirs: np.ndarray, ours: Any) -> float:
    ours = np.asarray(ours)
    if theirs.shape != ours.shape or theirs.dtype != ours.dtype:
        return np.inf
    return float(np.abs(theirs - ours).max() / max(1.0, np.abs(ours).max()))


def _observations(policy: Policy, snapshot: Snapshot, generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Random ones, by the names of the inputs. Half of those that are normalised are like those that were seen."""
    found, normalized = {}, np.array(policy.layout.statistics.normalized, bool)
    sizes = [size_of(part) for _, part in observed(policy)]
    mean, scale = np.zeros(sum(sizes)), np.ones(sum(sizes))
    if normalized.size:
        mean, scale = np.split(np.asarray(snapshot.statistics[: 2 * normalized.size], np.float64), 2)
    else:
        normalized = np.zeros(sum(sizes), bool)
    ends = np.cumsum(sizes)
    for (port, given), end, size in zip(observed(policy), ends, sizes, strict=True):
        # Sampling changes a space.
        part = copy.deepcopy(given)
        part.seed(int(generator.integers(2**31)))
        drawn = np.stack([np.asarray(part.sample(), port.dtype) for _ in range(COUNT)])
        if isinstance(part, Box) and port.dtype.kind == "f":
            these = slice(end - size, end)
            seen = mean[these] + generator.normal(size=(COUNT, size)) / scale[these]
            flat = drawn.reshape(COUNT, size)
            half = (np.arange(COUNT) % 2 == 1)[:, None] & normalized[these]
            flat = np.where(half | ~(np.abs(flat) < LARGE), np.clip(seen, part.low.ravel(), part.high.ravel()), flat)
            drawn = flat.reshape(drawn.shape).astype(port.dtype)
        found[port.name] = drawn
    return found


def _drawn(name: str, shape: tuple[int, ...], policy: Policy, generator: np.random.Generator) -> np.ndarray:
    """Of an input besides the observation and noise."""
    if name == "action_mask":
        masks = generator.random((COUNT, *shape)) < 0.5
        # Of each choice one is valid in any case.
        masks[:, np.cumsum([0, *mask_counts(policy.actions.space)])[:-1]] = True
        return masks
    return generator.uniform(-1, 1, (COUNT, *shape)).astype(np.float32)
