"""Exporting a trained policy: to ONNX, which acts without JAX, or its numbers alone, by the names of the layers.

In use:

    exported = export(Path("policy.onnx"), None, policy, snapshot, config, "greedy")
    print(exported)                                   # what goes in and what comes out
"""

from a3c.exporting.exporting import FORMATS as FORMATS
from a3c.exporting.exporting import Exported as Exported
from a3c.exporting.exporting import Format as Format
from a3c.exporting.exporting import export as export
from a3c.exporting.exporting import format_of as format_of
