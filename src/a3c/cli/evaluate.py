"""`a3c evaluate`: whole episodes with a run's agent."""

import json
import sys
from dataclasses import dataclass

from a3c.cli.agents import AgentFlags, parse, quiet_jax, saved_checkpoint
from a3c.config.setting import setting


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
    from a3c.agent import agent_from
    from a3c.evaluation import falls_short

    agent = agent_from(checkpoint)
    evaluation = agent.evaluate(
        flags.episodes,
        deterministic=not flags.stochastic,
        seed=flags.seed,
        max_episode_steps=flags.max_episode_steps,
        progress=True,
    )
    if flags.json:
        result = {"episodes": len(evaluation.returns), "mean": evaluation.mean, "std": evaluation.std}
        result |= {"cut": evaluation.cut, "returns": evaluation.returns, "lengths": evaluation.lengths}
        print(json.dumps(result))
    else:
        how = "stochastic" if flags.stochastic else "greedy"
        print(f"{agent.config.environment}, {flags.checkpoint} checkpoint, {how}: {evaluation}")
    if not flags.stochastic and falls_short(evaluation, checkpoint):
        print(
            "greedy play is far below the returns of training, where actions are drawn: try --stochastic",
            file=sys.stderr,
        )
    return 0
