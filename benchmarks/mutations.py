"""What may become of a checkpoint: changes of its bytes and of its meaning, drawn at random.

By name in KINDS; `fault_mutations.py` tries them.
"""

import json
import math
import os
import pickle
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from a3c.config import SCHEMA_VERSION

EVIL = "import pathlib\npathlib.Path('it_ran').touch()\n"

TYPES = {"F32": np.float32, "F64": np.float64, "I64": np.int64, "I32": np.int32, "F16": np.float16}
TYPES |= {"BOOL": np.bool_, "U8": np.uint8, "F8_E4M3": np.uint8, "F8_E5M2": np.uint8, "BF16": np.uint16}
ODD = [
    *(None, True, False, 0, 1, -1, -7, 2**31, 2**53, 2**63, 2**64, -(2**63), 10**40, 10**400),
    *(0.0, -0.5, 0.5, 1e-300, 1e300, -1e300, math.nan, math.inf, -math.inf),
    *("", "5", "nan", "a3c", "a\nb", "\ud800", "\x1b[2J", "x" * 100_000, "../../etc/passwd"),
    *([], [None], [1, "2"], [[]], [math.nan], [1e400], list(range(1000)), {}, {"a": {}}, {"kind": [{}]}, {"": 2**63}),
]


class Parts(NamedTuple):
    """A checkpoint, taken apart: its header, and each tensor's type, shape and bytes."""

    header: dict[str, Any]
    tensors: dict[str, tuple[str, list[int], bytes]]


Chance = random.Random
Mutation = Callable[[Chance, bytes], bytes]


def taken_apart(content: bytes) -> Parts:
    length = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    ours = json.loads(header.pop("__metadata__")["a3c"])
    tensors = {}
    for name, entry in header.items():
        start, stop = entry["data_offsets"]
        tensors[name] = (entry["dtype"], entry["shape"], data[start:stop])
    return Parts(ours, tensors)


def put_together(parts: Parts, chance: Chance) -> bytes:
    """As an enemy would, with a checksum that is right; or with none, as it was before there were any."""
    from a3c.runs.checkpoint import checksum

    header = {name: value for name, value in parts.header.items() if name != "sha256"}
    if chance.random() < 0.7:
        arrays = {}
        for name, (dtype, shape, data) in parts.tensors.items():
            kind = np.dtype(TYPES.get(dtype, np.uint8))
            arrays[name] = np.frombuffer(data, kind if len(data) % kind.itemsize == 0 else np.uint8)
            if arrays[name].size == math.prod(shape):
                arrays[name] = arrays[name].reshape(shape)
        header["sha256"] = checksum(header, arrays)
    entries, end = {}, 0
    for name, (dtype, shape, data) in parts.tensors.items():
        entries[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + len(data)]}
        end += len(data)
    return file_of(entries | {"__metadata__": {"a3c": json.dumps(header)}}, *(t[2] for t in parts.tensors.values()))


def file_of(header: Any, *data: bytes) -> bytes:
    text = json.dumps(header).encode() if not isinstance(header, bytes) else header
    return len(text).to_bytes(8, "little") + text + b"".join(data)


# What a bad disk does.


def cut_off(chance: Chance, content: bytes) -> bytes:
    if chance.random() < 0.2:
        return content + chance.randbytes(chance.choice([1, 4, 4096]))
    return content[: chance.choice([chance.randrange(len(content)), chance.randrange(16), len(content) - 1])]


def bits_flipped(chance: Chance, content: bytes) -> bytes:
    changed, length = bytearray(content), int.from_bytes(content[:8], "little")
    for _ in range(chance.choice([1, 1, 2, 8])):
        place = chance.choice([chance.randrange(8), chance.randrange(8 + length), chance.randrange(len(content))])
        changed[place] ^= 1 << chance.randrange(8)
    return bytes(changed)


def range_overwritten(chance: Chance, content: bytes) -> bytes:
    start, size = chance.randrange(len(content)), chance.choice([1, 4, 64, 512, 4096])
    size = min(size, len(content) - start)
    return (
        content[:start] + (bytes(size) if chance.random() < 0.7 else chance.randbytes(size)) + content[start + size :]
    )


def pieces_swapped(chance: Chance, content: bytes) -> bytes:
    size = chance.choice([4, 64, 256])
    first, second = sorted(chance.sample(range(len(content) // size), 2))
    blocks = [content[i : i + size] for i in range(0, len(content), size)]
    blocks[first], blocks[second] = blocks[second], blocks[first]
    return b"".join(blocks)


# What an enemy does, with a checksum that is right.


def field_replaced(chance: Chance, content: bytes) -> bytes:
    parts = taken_apart(content)
    place = parts.header
    name = chance.choice(list(place))
    while isinstance(place[name], dict) and place[name] and chance.random() < 0.8:
        place = place[name]
        name = chance.choice(list(place))
    if chance.random() < 0.1:
        del place[name]
    elif chance.random() < 0.1:
        place[chance.choice(["colour", "", "parameters", "__class__", "self", "x" * 10_000])] = place.pop(name)
    elif isinstance(place[name], list) and place[name] and chance.random() < 0.3:
        place[name][chance.randrange(len(place[name]))] = chance.choice(ODD)
    else:
        place[name] = chance.choice(ODD)
    return put_together(parts, chance)


def setting_replaced(chance: Chance, content: bytes) -> bytes:
    parts = taken_apart(content)
    config = parts.header["config"]
    for _ in range(chance.choice([1, 1, 3])):
        config[chance.choice(list(config))] = chance.choice(ODD)
    return put_together(parts, chance)


def settings_of_their_type(chance: Chance, content: bytes) -> bytes:
    """Such as a run could have, with luck."""
    parts = taken_apart(content)
    config = parts.header["config"]
    numbers = [0, 1, -1, 2, 3, 5, 17, 100, 255, 65_536, 2**31, 2**63 - 1, -(2**63)]
    values: dict[type, list[Any]] = {
        bool: [True, False],
        int: numbers,
        float: [0.0, 1.0, -1.0, 1e-30, 1e30, 1e308, math.inf, -math.inf, *numbers],
        str: ["", "adam", "sgd", "lion", "adan", "lbfgs", "noisy_sgd", "os", "a3c", "nature", "relu", "gru", "\u202e"],
        list: [[], [1], [8, 6], [6, 8], [0], [-1], [0, 1], [3, 3], [255] * 5, [0.5], [1.5, 0.5]],
        dict: [
            *({"render_mode": mode} for mode in ("human", "rgb_array", "none", "a\nb", 5)),
            *({name: 5} for name in ("max_episode_steps", "id", "self", "env", "spec", "entry_point", "a b", "\n", "")),
            *({name: 0.5} for name in ("b1", "b2", "eps", "decay", "mask", "momentum", "nesterov", "learning_rate")),
            *({name: 1e30} for name in ("b1", "eps", "memory_size", "weight_decay")),
            {"sutton_barto_reward": True},
        ],
    }
    for _ in range(chance.choice([1, 1, 2])):
        name = chance.choice(list(config))
        if chance.random() < 0.2:
            name = chance.choice(["environment", "env_kwargs", "optimizer", "optimizer_options", "hidden", "algorithm"])
        kind = type(config[name]) if config[name] is not None else chance.choice([int, float, str, list])
        config[name] = chance.choice(values[kind])
        if name == "environment":
            others = [
                "Acrobot-v1",
                "FrozenLake-v1",
                "CartPole-v0",
                "CartPole",
                "nothing",
                "ALE/Pong-v5",
                "Blackjack-v1",
            ]
            config[name] = chance.choice([*others, "phys2d/CartPole-v1", "gymnasium:CartPole-v1", "json:CartPole-v1"])
    return put_together(parts, chance)


def sizes_without_bound(chance: Chance, content: bytes) -> bytes:
    parts = taken_apart(content)
    size = chance.choice([100_000, 10**7, 2**31, 2**40, 2**62, 2**63 - 1])
    setting = chance.choice(
        [
            {"hidden": [size]},
            {"hidden": [size, size]},
            {"hidden": [8] * min(size, 1_000_000)},
            {"epsilon": [0.5] * min(size, 1_000_000)},
            {"env_kwargs": dict.fromkeys(map(str, range(min(size, 300_000))), 1)},
            {"recurrent": "lstm", "recurrent_units": size},
            {"recurrent": "gru", "recurrent_units": size},
            {"frame_stack": size},
            {"frame_size": [size, size]},
            {"network": "nature", "hidden": [size]},
            {"environment": "CarRacing-v3", "frame_stack": size},
            {"environment": "ALE/Pong-v5", "frame_size": [size, size]},
            {"environment": "ALE/Pong-v5", "frame_stack": size, "grayscale": False},
        ]
    )
    parts.header["config"] |= setting
    return put_together(parts, chance)


def tensor_of_another_kind(chance: Chance, content: bytes) -> bytes:
    parts = taken_apart(content)
    name = chance.choice(list(parts.tensors))
    dtype, shape, data = parts.tensors[name]
    numbers = np.frombuffer(data, TYPES[dtype])
    other = chance.choice([key for key in TYPES if key != dtype] + ["F4", "C64", "float32", ""])
    shapes = [
        [*shape, 1],
        [1, *shape],
        shape[:-1],
        [math.prod(shape) + 1],
        [-1],
        [2**62],
        [0],
        [2**32, 2**32],
        [0, 2**63],
    ]
    change = chance.choice(["type", "type", "name only", "shape", "missing", "besides", "longer", "shorter"])
    if change == "type":
        with np.errstate(all="ignore"):
            parts.tensors[name] = (other, shape, numbers.astype(TYPES.get(other, np.uint8)).tobytes())
    elif change == "name only":
        parts.tensors[name] = (other, shape, data)
    elif change == "shape":
        parts.tensors[name] = (dtype, chance.choice([s for s in shapes if s != shape]), data)
    elif change == "missing":
        # Nothing is lost with moments that nobody has.
        del parts.tensors[chance.choice(["parameters", "optimizer_state"])]
    elif change == "besides":
        parts.tensors[chance.choice(["", "Parameters", "config", "x" * 10_000, "\n"])] = (dtype, shape, data)
    else:
        numbers = np.resize(numbers, max(0, numbers.size + chance.choice([1, 7]) * (1 if change == "longer" else -1)))
        rows = [len(shape) == 2 and shape[0]] if len(shape) == 2 else []
        parts.tensors[name] = (dtype, [*rows, numbers.size], numbers.tobytes())
        if numbers.size == math.prod(shape):
            parts.tensors[name] = ("I64", shape, numbers.tobytes())
    return put_together(parts, chance)


def numbers_that_are_none(chance: Chance, content: bytes) -> bytes:
    """NaN and infinity anywhere; second moments, counts and squares below 0."""
    parts = taken_apart(content)
    name = chance.choice([name for name, (_, shape, _) in parts.tensors.items() if math.prod(shape)])
    dtype, shape, data = parts.tensors[name]
    numbers = np.frombuffer(data, TYPES[dtype]).copy()
    if name != "parameters" and chance.random() < 0.5:
        # The last row of an optimizer's state here is that of second moments; rows of moments end with squares.
        numbers[-chance.randrange(1, shape[-1] + 1) if name == "optimizer_state" else -1] = -chance.choice([1e-3, 1e30])
    else:
        for _ in range(chance.choice([1, 5])):
            numbers[chance.randrange(numbers.size)] = chance.choice([math.nan, math.inf, -math.inf])
    parts.tensors[name] = (dtype, shape, numbers.tobytes())
    return put_together(parts, chance)


def fields_no_run_has(chance: Chance, content: bytes) -> bytes:
    parts = taken_apart(content)
    field, values = chance.choice(
        [
            ("counts", [{}, {"steps": 1}, {"steps": -1, "episodes": 0, "updates": 0}, "many", [1, 2, 3], 5, None]),
            (
                "counts",
                [{"steps": x, "episodes": 0, "updates": 0} for x in ("5", 1.5, True, 2**63, None, math.nan, [1])],
            ),
            ("counts", [{"steps": 1, "episodes": 0, "updates": 0, "more": 1}]),
            ("seconds", [-1.0, math.nan, math.inf, "1", None, [], True, 10**400]),
            ("returns", ["many", {}, None, 5, ["1"], [math.nan], [None], [[1.0]], [1.0] * 101, [True], [10**400]]),
            ("best_return_mean_100", ["1", math.nan, math.inf, [], {}, True, -(10**400)]),
            ("solved_at_step", [-1, 1.5, "1", [], True, 2**63]),
            ("solved_at_second", [-1, "1", math.nan, math.inf, [], True]),
            ("own_environment", [0, 1, None, "no", [], 2.5]),
            ("own_network", [0, 1, None, "no", [], 2.5]),
            ("spaces", [[], None, 5, {}, {"observation": {}}, {"observation": {}, "action": {}}, [1], "Box"]),
            ("config", [[], None, 5, "a3c", [["environment", "CartPole-v1"]], {"environment": 5}, {"colour": "red"}]),
            ("schema", [0, SCHEMA_VERSION + 1, -1, "1", None, True, 1.0, [1], 10**400]),
            ("moments", [[], "0", None]),
            ("parameters", [[], "0", [1.0]]),
        ]
    )
    parts.header[field] = chance.choice(values)
    return put_together(parts, chance)


def headers_that_lie(chance: Chance, content: bytes) -> bytes:
    length = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    deep = chance.choice([100, 1000, 100_000])
    name = chance.choice(["parameters", "statistics", "optimizer_state", "moments"])
    entry = header[name]
    match chance.randrange(9):
        case 0:
            return (
                chance.choice([0, 1, length + 1, length - 1, 2**31, 2**62, 2**64 - 1]).to_bytes(8, "little")
                + content[8:]
            )
        case 1:
            return file_of(b"[" * deep + b"]" * deep, data)
        case 2:
            return file_of(b'{"__metadata__":{"a3c":' + b'{"a":' * deep + b"1" + b"}" * deep + b"}}", data)
        case 3:
            header["__metadata__"]["a3c"] = "[" * deep + "]" * deep
        case 4:
            text = header["__metadata__"]["a3c"]
            header["__metadata__"]["a3c"] = chance.choice([text[:-5], "", "null", "5", "[]", "\ud800", 5, None, [text]])
        case 5:
            ours = json.loads(header["__metadata__"]["a3c"])
            ours["spaces"]["observation"] = (
                json.loads('{"parts":' * (deep // 2) + "{}" + "}" * (deep // 2)) if deep < 1000 else 1
            )
            header["__metadata__"]["a3c"] = json.dumps(ours)
        case 6:
            header[name] = chance.choice([5, None, [], "F32", {}, {**entry, "more": 1}, {**entry, "shape": 7}])
        case 7:
            start, stop = entry["data_offsets"]
            offsets = [
                [start + 4, stop],
                [start, stop + 4],
                [-4, stop],
                [stop, start],
                [0, 2**63],
                [0.0, 1.5],
                "ab",
                [0],
                None,
            ]
            entry["data_offsets"] = chance.choice(offsets)
        case 8:
            header["__metadata__"] = chance.choice([5, None, [], {}, {"format": "pt"}, "a3c", {"a3c": {}}])
    return file_of(header, data)


def modules_that_only_it_names(chance: Chance, content: bytes) -> bytes:
    parts = taken_apart(content)
    run = {"command": "touch it_ran", "cmd": "touch it_ran", "args": "touch it_ran", "path": "it_ran", "name": "it_ran"}
    parts.header["config"] |= chance.choice(
        [
            {"environment": "evil:CartPole-v1"},
            {"environment": "evil:Evil"},
            {"environment": "evil.more:CartPole-v1"},
            {"environment": "./evil:CartPole-v1"},
            {"environment": "evil:evil:CartPole-v1"},
            {"environment": "gymnasium:evil:CartPole-v1"},
            *({"environment": f"{module}:{name}", "env_kwargs": {key: run[key]}} for module, name, key in CALLABLE),
            {"environment": "GymV26Environment-v0", "env_kwargs": {"env_id": "evil:CartPole-v1"}},
            {"env_kwargs": {"render_mode": "evil:CartPole-v1"}},
            {"optimizer": "evil:adam"},
            {"environment": "CartPole-v1\nevil:CartPole-v1"},
        ]
    )
    return put_together(parts, chance)


CALLABLE = [("os", "system", "command"), ("subprocess", "getoutput", "cmd"), ("subprocess", "Popen", "args")]
CALLABLE += [("os", "mkdir", "path"), ("importlib", "import_module", "name"), ("builtins", "exec", "name")]

# What somebody puts in its place.


def another_file(chance: Chance, content: bytes) -> bytes:
    class Runs:
        def __reduce__(self) -> Any:
            return os.system, ("touch it_ran",)

    from safetensors.numpy import save

    tensors = {"weight": np.zeros((3, 3), np.float32)}
    choices = [b"", b"\0" * 4096, content[::-1], pickle.dumps(Runs()), b"schema = 1\n", b"\xff" * 100, b"{}" * 50]
    choices += [save(tensors), save(tensors, {"format": "pt"}), save({"parameters": np.zeros(5, np.float32)})]
    return chance.choice(choices)


KINDS: dict[str, tuple[Mutation, bool]] = {
    "cut off, or longer": (cut_off, False),
    "bits flipped": (bits_flipped, False),
    "a range overwritten": (range_overwritten, False),
    "pieces swapped": (pieces_swapped, False),
    "a field replaced": (field_replaced, True),
    "settings replaced": (setting_replaced, True),
    "settings of their type": (settings_of_their_type, True),
    "sizes without bound": (sizes_without_bound, True),
    "a tensor of another kind": (tensor_of_another_kind, False),
    "numbers that are none": (numbers_that_are_none, False),
    "fields that no run has": (fields_no_run_has, False),
    "headers that lie": (headers_that_lie, False),
    "modules that only it names": (modules_that_only_it_names, False),
    "another file": (another_file, False),
}
"""The mutations, and whether what comes of one may be something that a run could have saved."""
