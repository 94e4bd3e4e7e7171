"""`a3c evaluate`: whole episodes with a run's agent."""

import json
import sys
from dataclasses import dataclass
from math import hypot
from statistics import fmean, pstdev
from typing import TYPE_CHECKING

from a3c.cli.agents import AgentFlags, checkpoint_name, parse, quiet_jax, saved_checkpoint
from a3c.config.setting import setting

if TYPE_CHECKING:
    from a3c.evaluation import Evaluation
    from a3c.runs.checkpoint import Checkpoint


@dataclass(frozen=True)
class EvaluateFlags(AgentFlags):
    """Flags of `a3c evaluate`."""

    episodes: int = setting(100, at_least=1)
    """Whole episodes to play."""

    json: bool = False
    """Print the result as JSON, all returns included."""


def run(arguments: list[str]) -> int:
    """Runs the command; `arguments` come after `evaluate`."""
    description = "Play whole episodes with a run's agent, and print the returns."
    flags = parse(EvaluateFlags, arguments, "a3c evaluate", description)
    quiet_jax()
    checkpoint = saved_checkpoint(flags, "evaluate")
    from a3c.loading import agent_from

    agent = agent_from(checkpoint)
    evaluation = agent.evaluate(
        flags.episodes,
        deterministic=flags.deterministic,
        seed=flags.seed,
        max_episode_steps=flags.max_episode_steps,
        progress=True,
    )
    if flags.json:
        result = {"episodes": len(evaluation.returns), "mean": evaluation.mean, "std": evaluation.std}
        result |= {"cut": evaluation.cut, "returns": evaluation.returns, "lengths": evaluation.lengths}
        if evaluation.info:
            result["info"] = evaluation.info_means
        result |= agent.manner(flags.deterministic)._asdict()
        print(json.dumps(result))
    else:
        print(f"{agent.config.environment}, {checkpoint_name(flags)}, {evaluation}")
    if agent.manner(flags.deterministic).policy == "greedy" and _falls_short(evaluation, checkpoint):
        print(
            "greedy play is far below the returns of training, where actions are drawn: try --stochastic",
            file=sys.stderr,
        )
    return 0


def _falls_short(evaluation: "Evaluation", checkpoint: "Checkpoint") -> bool:
    """Whether it is far below the returns of training: by a quarter, and by more than chance explains."""
    returns, best = checkpoint.returns, checkpoint.best_return_mean_100
    if best is None or not returns or evaluation.cut:
        return False
    # The last episodes may be worse than the best: then it is not for want of chance.
    trained = min(best, fmean(returns))
    # A few episodes that are alike say little of how much others would differ.
    spread = max(evaluation.std, pstdev(returns))
    chance = hypot(spread / len(evaluation.returns) ** 0.5, pstdev(returns) / len(returns) ** 0.5)
    return trained - evaluation.mean > max(4 * chance, 0.25 * abs(trained))
