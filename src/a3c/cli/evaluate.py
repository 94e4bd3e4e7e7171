"""`a3c evaluate`: whole episodes with a run's agent."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from a3c.cli.agents import quiet_jax, saved_agent


@dataclass(frozen=True)
class EvaluateFlags:
    """Flags of `a3c evaluate`."""

    run: Path
    """Run folder, or a checkpoint file."""

    episodes: int = 100
    """Whole episodes to play."""

    stochastic: bool = False
    """Draw actions from the policy, as in training, instead of taking the most probable."""

    checkpoint: Literal["best", "latest"] = "best"
    """Which of the run's checkpoints."""

    seed: int | None = None
    """Seed of the environments. Default: the run's."""

    json: bool = False
    """Print the result as JSON, all returns included."""


def run(arguments: list[str]) -> int:
    """Runs the command; `arguments` come after `evaluate`."""
    import tyro

    flags = tyro.cli(
        tyro.conf.configure(tyro.conf.PositionalRequiredArgs, tyro.conf.FlagCreatePairsOff)(EvaluateFlags),
        args=arguments,
        prog="a3c evaluate",
        description="Play whole episodes with a run's agent, and print the returns.",
    )
    quiet_jax()
    agent = saved_agent(flags.run, flags.checkpoint)
    evaluation = agent.evaluate(flags.episodes, deterministic=not flags.stochastic, seed=flags.seed)
    if flags.json:
        result = {"episodes": len(evaluation.returns), "mean": evaluation.mean, "std": evaluation.std}
        print(json.dumps({**result, "returns": evaluation.returns, "lengths": evaluation.lengths}))
    else:
        how = "stochastic" if flags.stochastic else "greedy"
        print(f"{agent.config.environment}, {flags.checkpoint} checkpoint, {how}: {evaluation}")
    return 0
