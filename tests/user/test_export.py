"""What is exported acts as the agent does, and says why where it cannot be."""

import json
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import equinox as eqx
import gymnasium
import jax
import numpy as np
import pytest
from a3c_command import run_command
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple
from safetensors import safe_open
from small_agents import cartpole

import a3c
from a3c.environments.observations import part_of, parts
from a3c.environments.spaces import joined, parts_of
from a3c.errors import ExportError
from a3c.evaluation import Player
from a3c.exporting import export
from a3c.exporting.interface import drawn_by, parameters_of
from a3c.learning.snapshot import Snapshot
from a3c.networks.policy import Policy
from configs_for_tests import config_with

ROOT = Path(__file__).parents[2]
needs_onnx = pytest.mark.skipif(find_spec("jax2onnx") is None, reason="needs the onnx extra")

MANY = Dict(
    near=Box(-np.inf, np.inf, (2,)),
    kind=Discrete(3, start=1),
    map=Box(0, 2, (6, 7), np.int64),
    rest=Dict(bits=MultiBinary(4), state=Tuple([MultiDiscrete([2, 3], start=[0, 5]), Box(-1, 1, (2,), np.float64)])),
)
TWO = Tuple([Discrete(4), Box(0, 9, (2,), np.int32)])
NUMBERS = Box(np.array([-2.0, 0.1, -np.inf], np.float32), np.array([3.0, np.inf, np.inf], np.float32))
FRAMES = Box(0, 255, (36, 40, 3), np.uint8)
WHOLE = Box(-3, 7, (2,), np.int64)
NORMALIZED = {"normalize_observations": True, "normalize_rewards": True}
# Of everything a bit; `benchmarks/exports.py` tries the product.
CASES = {
    "parts, lstm, choices": (MANY, MultiDiscrete([[2], [3]], start=[[1], [0]]), "sampled", {"recurrent": "lstm"}),
    "tuple, gru, bits": (TWO, MultiBinary((2, 2)), "greedy", {"recurrent": "gru"}),
    "normalised, clipped": (Box(-50, 50, (2, 3), np.float64), NUMBERS, "sampled", NORMALIZED),
    "a part normalised, bits drawn": (MANY, MultiBinary(3), "sampled", NORMALIZED),
    "frames, counted from 2": (FRAMES, Discrete(3, start=2), "greedy", {"hidden": (8,)}),
    "the mean, clipped": (Discrete(3), Box(-2.0, 3.0, (2,)), "greedy", {"recurrent": "gru"}),
    "frames of the paper": (FRAMES, Discrete(3), "sampled", {"network": "a3c", "hidden": (8,), "input_layout": "HWC"}),
    "grid first, gSDE": (Box(0, 1, (4, 10, 10), np.bool_), Box(-1, 1, (2,)), "sampled", {"action_std": "gsde"}),
    "choice, tanh, std of the state": (
        *(Discrete(5, start=-2), Box(-0.1, 0.3, (2, 1), np.float64), "sampled"),
        {"action_bounds": "tanh", "action_std": "state", "activation": "elu", "shared_trunk": True},
    ),
    "choices, whole numbers": (MultiDiscrete([3, 4]), Box(-3, 7, (2,), np.int64), "sampled", {"log_std": 1.0}),
    "bits, action values": (MultiBinary((2, 3)), Discrete(3), "greedy", {"algorithm": "n-step-q"}),
    "masked choices, gru": (NUMBERS, MultiDiscrete([3, 2]), "greedy", {"action_masks": True, "recurrent": "gru"}),
    "masked values drawn": (Box(-1, 1, (2,)), Discrete(5), "sampled", {"algorithm": "pqn", "action_masks": True}),
    "hybrid, drawn, gru": (
        *(NUMBERS, Dict(lever=Discrete(3, start=5), force=Box(0, 10, (2, 1)), rest=Tuple([MultiBinary(2), WHOLE]))),
        *("sampled", {"recurrent": "gru", "action_std": "state"}),
    ),
    "hybrid, the best": (FRAMES, Tuple([MultiDiscrete([2, 3]), Box(-1, 1, ())]), "greedy", {"action_bounds": "tanh"}),
    "action values drawn": (Box(-1, 1, ()), Discrete(3, start=1), "sampled", {"algorithm": "pqn"}),
}  # fmt: skip


def trained(policy: Policy, generator: np.random.Generator) -> Snapshot:
    """As if it had been: other parameters than at first, and something seen."""
    statistics, parameters = policy.layout.statistics, policy.first_snapshot.parameters
    count = len(statistics.normalized)
    row = [np.full(int(count > 0), 9.0), generator.normal(size=count), 9 * np.exp(generator.normal(size=count))]
    row += [np.array([9.0, 0.0, 70.0])] * statistics.rewards
    noise = 0.1 * generator.normal(size=parameters.shape).astype(np.float32)
    return Snapshot(parameters + noise, statistics.vector(np.concatenate(row)))


@needs_onnx
@pytest.mark.parametrize("case", CASES)
def test_a_file_acts_as_the_policy_does(case, tmp_path):
    import onnxruntime

    space, action_space, way, settings = CASES[case]
    config = config_with("Some-v0", seed=1, **settings)
    policy = Policy.make(space, action_space, config)
    snapshot = trained(policy, np.random.default_rng(1))
    exported = export(tmp_path / "policy.onnx", None, policy, snapshot, config, way)
    assert [file.name for file in tmp_path.iterdir()] == ["policy.onnx"]

    session = onnxruntime.InferenceSession(tmp_path / "policy.onnx")
    space.seed(2)
    given = [space.sample() for _ in range(7)]
    feed = {}
    for path, part in parts(space).items():
        name = "/".join(map(str, ("observation", *path)))
        feed[name] = np.stack([np.asarray(part_of(one, path), part.dtype) for one in given])
    generator, state = np.random.default_rng(3), None
    if way == "sampled":
        drawn = np.random.default_rng(3)
        feed |= {port.name: part.noise(drawn, (7,)) for port, part in drawn_by(policy)}
    if policy.recurrent:
        state = feed["state"] = generator.uniform(-1, 1, (7, policy.layout.state)).astype(np.float32)
        generator = np.random.default_rng(3)
    masks = None
    if policy.layout.mask:
        masks = feed["action_mask"] = np.tile(np.array([1, 0, 1, 0, 1], bool), (7, 1))
    assert [one.name for one in session.get_inputs()] == list(feed) == [port.name for port in exported.inputs]
    names = [one.name for one in session.get_outputs()]
    found = dict(zip(names, session.run(None, feed), strict=True))

    packed = np.concatenate([policy.observations.pack_any(one)[0] for one in given])
    actions, next_state = Player(policy, snapshot, way, generator, random=False)(packed, state, masks)
    distribution, values = policy(snapshot, packed, state, masks)
    if policy.layout.statistics.rewards:
        values = values * snapshot.return_deviation
        assert snapshot.return_deviation > 2
    expected = {joined(("action", *path)): part_of(actions, path) for path in policy.actions.parts}
    expected |= {"value": values, **parameters_of(distribution, policy)}
    expected |= {} if state is None else {"next_state": next_state}
    assert names == list(expected) == [port.name for port in exported.outputs]
    for path, part in parts_of(action_space).items():
        name = joined(("action", *path))
        assert found[name].dtype == expected[name].dtype
        assert all(np.asarray(one) in part for one in found[name])
    assert len(np.unique(found["value"])) > 2
    for name, numbers in expected.items():
        assert found[name].shape == numbers.shape
        np.testing.assert_allclose(found[name], np.asarray(numbers), rtol=1e-5, atol=1e-5, err_msg=name)


class Own(eqx.Module):
    """A network of a user's own; `layer` may be what ONNX has no form of."""

    linear: eqx.nn.Linear
    norm: eqx.nn.LayerNorm
    back: bool = eqx.field(static=True)

    def __init__(self, space, key, back=False):
        self.linear, self.norm = eqx.nn.Linear(space.shape[0], 8, key=key), eqx.nn.LayerNorm(8)
        self.back = back

    def __call__(self, observation):
        x = jax.nn.silu(self.norm(self.linear(observation)))
        if self.back:
            x = jax.pure_callback(lambda x: x, x, x, vmap_method="expand_dims")
        return x


@needs_onnx
def test_an_agent_with_its_own_network_is_exported_and_what_onnx_lacks_is_named(command, tmp_path):
    agent, file = cartpole(network=Own), tmp_path / "policy.onnx"
    exported = agent.export(file)
    assert exported.difference < 1e-5
    assert str(exported).splitlines()[1:3] == [
        "in   observation  float32 [batch, 4]",
        "out  action       int64 [batch]",
    ]
    before = file.read_bytes()
    agent = cartpole(network=lambda space, key: Own(space, key, back=True))
    with pytest.raises(ExportError, match="no form of its primitive pure_callback; leave that out") as raised:
        agent.export(file)
    assert "\n" not in str(raised.value)
    assert file.read_bytes() == before

    # By the command, of a run of an ordinary network, with what the file says of itself.
    cartpole(algorithm="pqn").save(tmp_path / "run.safetensors")
    outcome = command("export", "run.safetensors", "-o", "policy.onnx", "--stochastic")
    assert outcome.status == 0, outcome.err
    assert "in   noise          float32 [batch]\n" in outcome.out
    import onnxruntime

    about = onnxruntime.InferenceSession(file).get_modelmeta().custom_metadata_map
    assert {
        name: about[name] for name in ("a3c_version", "environment", "algorithm", "manner", "noise", "action_space")
    } == {
        **{"a3c_version": a3c.__version__, "environment": "CartPole-v1", "algorithm": "pqn", "manner": "sampled"},
        **{"noise": "uniform in [0, 1)", "action_space": "Discrete(2)"},
    }


@needs_onnx
def test_what_acts_otherwise_than_the_agent_gets_no_name(monkeypatch, tmp_path):
    agent, file = cartpole(), tmp_path / "policy.onnx"
    agent.export(file)
    before, other = file.read_bytes(), cartpole(seed=4)
    monkeypatch.setattr("a3c.exporting.onnx_model.onnx_model", lambda *_: Serialized(before))
    with pytest.raises(ExportError, match=r"what was exported (takes other actions|gives other numbers)"):
        other.export(tmp_path / "other.onnx")
    monkeypatch.setattr("a3c.exporting.onnx_model.onnx_model", lambda *_: Serialized(before[:-100]))
    with pytest.raises(ExportError, match="onnxruntime does not run what was exported: "):
        agent.export(file)
    assert [one.name for one in tmp_path.iterdir()] == ["policy.onnx"]
    assert file.read_bytes() == before


class Serialized:
    def __init__(self, content):
        self._content = content

    def SerializeToString(self):  # noqa: N802  as protobuf has it
        return self._content


@needs_onnx
@pytest.mark.parametrize("environment_id", ["CartPole-v1", "Taxi-v4"])
def test_the_example_plays_as_the_agent_does_without_jax(environment_id, tmp_path):
    settings = {"recurrent": "gru", "recurrent_units": 4}
    agent = a3c.A3C(environment_id, backend="inline", seed=1, recipe="none", **settings)
    agent.export(tmp_path / "policy.onnx")
    outcome = run_command(sys.executable, ROOT / "examples" / "serve_onnx.py", cwd=tmp_path)
    assert outcome.status == 0, outcome.err
    environment, returns = gymnasium.make(environment_id), []
    for seed in range(20):
        (observation, info), state, ended, total = environment.reset(seed=seed), None, False, 0.0
        while not ended:
            action, state = agent.predict(observation, state, True, info.get("action_mask"))
            observation, reward, terminated, truncated, info = environment.step(action)
            ended, total = terminated or truncated, total + reward
        returns.append(total)
    assert outcome.out == f"{np.mean(returns):.1f} +- {np.std(returns):.1f} over 20 episodes of {environment_id}\n"


@pytest.mark.parametrize(
    "agent",
    [
        lambda: cartpole(normalize_observations=True),
        lambda: cartpole(activation="relu"),
        lambda: a3c.A3C("Pendulum-v1", recipe="none", backend="inline", normalize_observations=False),
        lambda: a3c.A3C("MountainCar-v0", recipe="none", backend="inline", input_scaling="bounds", activation="elu"),
        lambda: a3c.A3C("MountainCarContinuous-v0", recipe="none", backend="inline", action_bounds="tanh"),
    ],
)
def test_the_reader_in_the_documentation_acts_as_the_agent_does(agent, tmp_path):
    agent, names = agent(), {}
    agent.export(tmp_path / "policy.npz")
    blocks = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "export.md").read_text(), re.DOTALL | re.MULTILINE)
    (code,) = [block for block in blocks if "class NumpyPolicy" in block]
    exec(code, names)
    reader = names["NumpyPolicy"](tmp_path / "policy.npz")
    space = agent.policy.observations.space
    space.seed(5)
    for _ in range(20):
        observation = space.sample()
        action, _ = agent.predict(observation, deterministic=True)
        np.testing.assert_allclose(reader.act(observation), action, rtol=1e-5, atol=1e-5)


def test_the_parameters_have_the_names_of_their_layers(command, tmp_path):
    agent = cartpole(recurrent="lstm", recurrent_units=5, hidden=(7,))
    agent.save(tmp_path / "agent.safetensors")
    outcome = command("export", "agent.safetensors", "--format", "safetensors")
    assert (outcome.status, outcome.err) == (0, "")
    with safe_open(tmp_path / "policy.safetensors", "np") as file:
        arrays, about = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    assert {name: array.shape for name, array in arrays.items() if not name.startswith(("statistics", "obs"))} == {
        **{"torso.layers.0.weight": (4, 7), "torso.layers.0.bias": (7,)},
        **{"core.inputs.weight": (7, 20), "core.inputs.bias": (20,), "core.recurrent": (5, 20)},
        **{
            "policy_head.weight": (5, 2),
            "policy_head.bias": (2,),
            "value_head.weight": (5, 1),
            "value_head.bias": (1,),
        },
    }
    parameters = [array for name, array in arrays.items() if not name.startswith(("statistics", "obs"))]
    assert sum(array.size for array in parameters) == agent.policy.size
    header = json.loads(about["header"])
    assert header["settings"]["recurrent"] == "lstm"
    assert header["action_space"] == {"kind": "Discrete", "shape": [], "n": 2, "start": 0}

    # What is no checkpoint is told from one.
    outcome = command("evaluate", "policy.safetensors")
    assert outcome.status == 2
    assert outcome.err == "a3c evaluate: policy.safetensors is a safetensors file, but not a checkpoint of a3c\n"


def test_what_has_no_form_in_a_file_says_why(command, tmp_path):
    agent = cartpole()
    with pytest.raises(ExportError, match="draws any of the actions"):
        cartpole(algorithm="random").export(tmp_path / "policy.onnx")
    with pytest.raises(ExportError, match=r"ends like no format: end it in \.onnx, \.safetensors, \.npz"):
        agent.export(tmp_path / "policy.pt")
    with pytest.raises(ExportError, match=r"there is no folder .*missing"):
        agent.export(tmp_path / "missing" / "policy.npz")
    agent.save(tmp_path / "agent.safetensors")
    outcome = command("export", "agent.safetensors", "-o", "policy.onnx", "--format", "numpy")
    assert outcome.status == 2
    assert outcome.err == ("a3c export: policy.onnx would not be what it is called: --format numpy ends in .npz\n")
    assert [one.name for one in tmp_path.iterdir()] == ["agent.safetensors"]
