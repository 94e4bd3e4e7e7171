"""Settings of environments, of frames and of Atari games."""

import math
from dataclasses import dataclass
from typing import Literal

from a3c.config.setting import setting
from a3c.config.wrappers import Wrapper

MOST_EPISODE_STEPS = 100_000
"""Steps after which evaluation and play cut an episode: some never end, and some policies go round in circles."""

FRAME_SETTINGS = ("crop", "grayscale", "threshold", "frame_size", "resize", "frame_stack")
"""The settings that change frames."""


@dataclass(frozen=True)
class EnvironmentSettings:
    """The environment, and what its rewards are worth."""

    environment: str = setting("")
    """Gymnasium id such as CartPole-v1, or module:NAME, for an id that your module registers, its class, or a
    function in it that makes one; a module in the current folder too."""

    evaluation_environment: str | None = None
    """Environment that evaluations are played on, where it is another than that of training, with the same spaces: an
    id, or module:NAME. Its frames, limits, wrappers and arguments are those that are set for training."""

    max_episode_steps: int | None = setting(None, at_least=1, everyday="time limit of an episode, in steps")
    """Time limit of an episode, in steps, replacing the registered one. Reaching it truncates: the value of the
    final observation is bootstrapped."""

    env_kwargs: dict[str, bool | int | float | str] = setting(
        factory=dict, everyday="keyword arguments for the environment"
    )
    """Keyword arguments for the environment, as KEY VALUE pairs; in Python any values."""

    wrappers: tuple[Wrapper, ...] = setting((), again=True)
    """Wrapper to put around each environment, module:Class with its arguments after it: --wrapper
    gymnasium.wrappers:ClipReward min_reward=-1 max_reward=1. Give it again for each further one: the first is the
    innermost. All are around the environment and its time limit, inside of what `hide` and the settings of frames do.
    With any, environments are stepped one by one."""

    import_modules: tuple[str, ...] = setting((), again=True)
    """Module to import before environments are made, here and in workers, or module:function to call, for packages that
    register their environments so; also one that only the file of --resume or --config names, and that is not
    installed. Say so only of what you know. Give it again for each further one."""

    hide: tuple[int | str, ...] = ()
    """Parts of observations that the agent is not shown: numbers of a vector, counted from 0, for studies of memory;
    parts of a Dict by their names, such as those of text."""

    action_masks: bool | None = None
    """Take only actions that the environment says are valid now, in info["action_mask"], under the key action_mask of
    its observations, or by its method action_masks(); for actions that are choices (Discrete and MultiDiscrete).
    Default: where it says so."""

    track_info: tuple[str, ...] = setting((), again=True)
    """Numbers in the environment's info to follow, such as is_success, or episode.r for one in a dict in it: their
    values at the last step of episodes, as means. Given again, it adds to those before."""

    episodic_life: bool = False
    """Nothing is to be gained after a lost life, in environments that tell how many are left (Mnih et al. 2015).
    Episodes and their returns still are whole games."""

    reward_scale: float = setting(1.0, above=0, everyday="factor on every training reward")
    """Factor on every training reward; reported returns stay the environment's own."""

    reward_clip: float | None = setting(None, above=0)
    """Clip training rewards to [-x, x] after scaling (1.0 in the A3C paper's Atari runs)."""

    termination_reward: float | None = None
    """Training reward given in place of the environment's at a step that terminates the episode."""


@dataclass(frozen=True)
class FrameSettings:
    """How frames are seen: uint8 observations [H, W] or [H, W, C]."""

    frame_skip: int | None = setting(None, at_least=1)
    """Frames that every action is repeated for. Default: 1; of Atari games what the id says, mostly 4."""

    crop: tuple[int, ...] = setting((), values=4)
    """Rows and columns of a frame to keep: TOP BOTTOM LEFT RIGHT, where the last ones may be left out."""

    grayscale: bool | None = None
    """Turn colours into grey. Default: of Atari games alone."""

    threshold: int | None = setting(None, at_least=0, at_most=254)
    """Turn pixels above this black and white: above it 255, else 0."""

    frame_size: tuple[int, ...] = setting((), at_least=1, values=2)
    """Reduce frames to this height and width, or to a square. Default: as they are; Atari games 84."""

    resize: Literal["area", "sample"] = "area"
    """Reduce frames by taking the mean of the area that a pixel covers, or by taking pixels at even distances."""

    frame_stack: int | None = setting(None, at_least=1, at_most=100, everyday="frames seen at once")
    """Frames seen at once, the last of the same episode; the first of an episode is repeated. Default: 1; of Atari
    games 4."""

    pixel_mean: float = setting(0.0, above=-math.inf, below=math.inf)
    """What is subtracted from each pixel (uint8 from 0 to 255), before the network sees it divided by pixel_std."""

    pixel_std: float = setting(255.0, above=0)
    """What pixels are divided by, when pixel_mean is subtracted. What hardly differs from its surroundings on a grey
    background is hard to learn from."""


@dataclass(frozen=True)
class AtariSettings:
    """Atari games: the protocol of Machado et al. 2018 (ALE/Pong-v5) or of Mnih et al. 2015 (PongNoFrameskip-v4)."""

    sticky_actions: float | None = setting(None, at_least=0, below=1)
    """Probability that a game repeats the action before instead. Default: 0.25 for ids of -v5 and -v0, 0 for -v4."""

    noop_max: int | None = setting(None, at_least=0)
    """A game starts with fewer than this many no-ops, drawn each time. Default: 30 without sticky actions, else 0."""

    max_pool: bool = True
    """Show the brighter of a game's last two frames in each pixel, as some things blink."""

    fire_reset: bool = True
    """Press FIRE at the start of games that have it."""

    full_action_space: bool = False
    """All 18 actions, instead of those that the game uses."""


@dataclass(frozen=True)
class WorldSettings(AtariSettings, FrameSettings, EnvironmentSettings):
    """All that environments are made by."""
