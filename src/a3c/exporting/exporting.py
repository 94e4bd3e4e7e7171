"""Writing an exported policy: which format, what the file says of itself, and that it is whole."""

import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal, TypeAlias

from a3c.config import TrainConfig
from a3c.config.evaluating import Way
from a3c.config.making import recorded
from a3c.errors import ExportError
from a3c.exporting.interface import Port, drawn_by, inputs, outputs
from a3c.exporting.numbers import arrays_of, as_npz, as_safetensors, header_of
from a3c.learning.snapshot import Snapshot
from a3c.networks.actions import BoxActions
from a3c.networks.policy import Policy
from a3c.runs.files import write_atomically

Format: TypeAlias = Literal["onnx", "safetensors", "numpy"]
FORMATS: dict[Format, str] = {"onnx": ".onnx", "safetensors": ".safetensors", "numpy": ".npz"}
"""How the names of their files end."""
NORMAL, UNIFORM = "standard normal", "uniform in [0, 1)"
"""What a file says of the noise that it takes."""


@dataclass(frozen=True)
class Exported:
    """A file that was written: `print` it to see what goes in and what comes out."""

    path: Path
    way: Way
    """How its actions are chosen; drawn ones, "sampled", by the input `noise`."""
    inputs: tuple[Port, ...] = ()
    outputs: tuple[Port, ...] = ()
    """Of an ONNX file, in its order; a batch axis comes before their shapes."""
    arrays: int = 0
    """Of the other formats: how many arrays it holds."""
    difference: float | None = None
    """The largest between numbers of the file, as onnxruntime gives them, and the agent's."""

    def __str__(self) -> str:
        if self.arrays:
            return f"{self.path}: {self.arrays} arrays"
        rows = [(kind, port) for kind in ("in", "out") for port in getattr(self, f"{kind}puts")]
        width = max(len(port.name) for _, port in rows)
        lines = [f"{kind:3}  {port.name:{width}}  {port.kind}" for kind, port in rows]
        return "\n".join([f"{self.path}: {self.way}", *lines, f"onnxruntime and a3c differ by {self.difference:.1g}"])


def export(
    path: Path, format: Format | None, policy: Policy, snapshot: Snapshot, config: TrainConfig, way: Way
) -> Exported:
    """Writes the file, once it is whole and, in ONNX, does as the agent does. `format` None is by the path's ending.

    Raises ExportError for what has no form there; DiskError.
    """
    format = format_of(path, format)
    about = {
        "a3c_version": version("a3c"),
        "environment": config.environment,
        "algorithm": config.algorithm.name,
        "observation_space": str(policy.observations.space),
        "action_space": str(policy.actions.space),
        "manner": way,
    }
    if format != "onnx":
        arrays = arrays_of(policy, snapshot)
        about["header"] = json.dumps(header_of(policy, snapshot, recorded(config)))
        write_atomically(path, (as_npz if format == "numpy" else as_safetensors)(arrays, about))
        return Exported(path, way, arrays=len(arrays))
    from a3c.exporting.onnx_model import onnx_model
    from a3c.exporting.trial import largest_difference

    if way == "sampled":
        about |= {port.name: NORMAL if isinstance(part, BoxActions) else UNIFORM for port, part in drawn_by(policy)}
    content = onnx_model(policy, snapshot, way, about).SerializeToString()
    difference = largest_difference(content, policy, snapshot, way)
    write_atomically(path, content)
    ports = tuple(inputs(policy, way)), tuple(outputs(policy, snapshot, way))
    return Exported(path, way, *ports, difference=difference)


def format_of(path: Path, given: Format | None) -> Format:
    """The one that is meant. Raises ExportError where that cannot be told, or no file can be there."""
    by_name = next((name for name, ending in FORMATS.items() if path.suffix == ending), None)
    if given is not None and given not in FORMATS:
        raise ExportError(f"`format` is {given!r}, but must be one of {', '.join(FORMATS)}")
    if given is None and by_name is None:
        raise ExportError(f"{path} ends like no format: end it in {', '.join(FORMATS.values())}, or give `format`")
    if given and by_name and given != by_name:
        raise ExportError(f"{path} would not be what it is called: `format` {given} ends in {FORMATS[given]}")
    if path.is_dir() or not path.parent.is_dir():
        raise ExportError(f"{path}: {'that is a folder' if path.is_dir() else f'there is no folder {path.parent}'}")
    return given or by_name  # type: ignore[return-value]
