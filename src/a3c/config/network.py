"""Settings of the network."""

from dataclasses import dataclass, field
from typing import Literal

from a3c.config.setting import setting

NetworkName = Literal["mlp", "a3c", "nature", "small", "grid"]


@dataclass(frozen=True)
class NetworkSettings:
    """The network, and what it is given."""

    network: NetworkName | None = setting(None, everyday="layers; by default what suits the observations")
    """Layers: mlp, dense ones; a3c and nature, the convolutions of Mnih et al. 2016 and 2015; small, for about 40x40;
    grid, one of 3x3 without stride (Young and Tian 2019), for about 10x10. Default: what suits, which a run says."""

    input_layout: Literal["flat", "HW", "HWC", "CHW", "HWCS", "SHWC", "SCHW"] | None = None
    """Axes of what convolutions see: H rows, W columns, C channels, S frames; flat, none. Default: by the shape."""

    input_scaling: Literal["pixels", "bounds", "one_hot", "raw", "bytes"] | None = None
    """What a network is given of numbers: pixels, by pixel_mean and pixel_std; bounds, 0 to 1 between the bounds
    of the space; one_hot, for whole numbers; raw, as they are; bytes, uint8 as pixels and all else as it is, with
    convolutions for uint8 [H, W, C] alone, as before runs recorded it. Default: what suits the space."""

    input_parts: dict[str, str] = field(default_factory=dict[str, str])
    """The same for parts of a Dict or Tuple, as PART NETWORK/LAYOUT/SCALING pairs, of which words may be left out:
    map grid/HWC/one_hot. Default: network, input_layout and input_scaling where they fit, else what suits each."""

    hidden: tuple[int, ...] | None = setting(None, at_least=1, values=100, everyday="width of each hidden layer")
    """Width of each hidden layer; after convolutions, of the dense ones. Default: 64 64; after convolutions 256 (a3c),
    512 (nature), 128 (small, grid)."""

    activation: Literal["tanh", "relu", "elu"] | None = None
    """Activation after each hidden layer. Default: tanh, and relu in networks with convolutions."""

    layer_norm: bool = False
    """Have the numbers that each hidden layer gives mean 0 and variance 1 before their activation (Ba et al. 2016).
    pqn's default, as it keeps that from diverging (Gallici et al. 2024). Not in a recurrent layer, nor in the heads."""

    shared_trunk: bool = False
    """Policy and value share the hidden layers; otherwise each has a tower of its own, which needs less tuning: large
    returns then cannot drown the policy's gradient. Networks with convolutions and recurrent ones always share them."""

    recurrent: Literal["lstm", "gru"] | None = setting(None, everyday="a layer that remembers")
    """A recurrent layer after the hidden ones, for environments that don't show all of their state: the agent then
    remembers what it has seen of an episode. It learns over the steps of a segment: make segment_length long enough."""

    recurrent_units: int | None = setting(None, at_least=1)
    """Width of the recurrent layer. Default: that of the layer before it."""
