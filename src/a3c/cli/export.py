"""`a3c export`: a run's agent as a file that acts elsewhere, without JAX."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from a3c.cli.agents import ModelFlags, parse, quiet_jax, saved_checkpoint


@dataclass(frozen=True)
class ExportFlags(ModelFlags):
    """Flags of `a3c export`."""

    output: Path | None = None
    """File to write. Default: policy.onnx, policy.safetensors or policy.npz."""

    format: Literal["onnx", "safetensors", "numpy"] | None = None
    """onnx: from the environment's observations to its actions, with everything in between; it needs the onnx extra.
    safetensors, numpy: the parameters alone, by the names of the layers. Default: as the file's name ends."""


def run(arguments: list[str]) -> int:
    """Runs the command; `arguments` come after `export`."""
    description = "Write a run's agent as a file that acts elsewhere, without JAX."
    flags = parse(ExportFlags, arguments, "a3c export", description, {"-o": "output"})
    quiet_jax()
    checkpoint = saved_checkpoint(flags, "export")
    from a3c.exporting import FORMATS, format_of
    from a3c.loading import agent_from

    output = flags.output or Path(f"policy{FORMATS[flags.format or 'onnx']}")
    if format_of(output, flags.format) == "onnx":
        print("converting, for which jax2onnx takes some ten seconds", file=sys.stderr)
    print(agent_from(checkpoint).export(output, format=flags.format, deterministic=flags.deterministic))
    return 0
