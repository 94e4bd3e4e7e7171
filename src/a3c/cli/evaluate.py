"""`a3c evaluate`: whole episodes with a run's agent."""

import json
from dataclasses import dataclass

from a3c.cli.agents import AgentFlags, parse, quiet_jax, saved_agent


@dataclass(frozen=True)
class EvaluateFlags(AgentFlags):
    """Flags of `a3c evaluate`."""

    episodes: int = 100
    """Whole episodes to play."""

    json: bool = False
    """Print the result as JSON, all returns included."""


def run(arguments: list[str]) -> int:
    """Runs the command; `arguments` come after `evaluate`."""
    description = "Play whole episodes with a run's agent, and print the returns."
    flags = parse(EvaluateFlags, arguments, "a3c evaluate", description)
    quiet_jax()
    agent = saved_agent(flags, "evaluate")
    evaluation = agent.evaluate(flags.episodes, deterministic=not flags.stochastic, seed=flags.seed)
    if flags.json:
        result = {"episodes": len(evaluation.returns), "mean": evaluation.mean, "std": evaluation.std}
        print(json.dumps({**result, "returns": evaluation.returns, "lengths": evaluation.lengths}))
    else:
        how = "stochastic" if flags.stochastic else "greedy"
        print(f"{agent.config.environment}, {flags.checkpoint} checkpoint, {how}: {evaluation}")
    return 0
