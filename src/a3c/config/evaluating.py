"""Settings of evaluation beside training."""

from dataclasses import dataclass
from typing import Literal

from a3c.config.setting import setting

Way = Literal["greedy", "sampled"]
"""How a policy is played: by its most probable actions, or by actions drawn from it."""

EVALUATIONS = 50
"""How often a run of so many steps is evaluated, where nothing else is set."""
SHORTEST, OTHERWISE = 10_000, 100_000
"""Steps between two evaluations, by default: at least, and where no limit on steps is set."""
CUT_AFTER = 10_000
"""Steps after which an episode of an evaluation beside training is cut: some policies go round in circles for ever."""
CUT_AT_LEAST = 1_000
"""The same where the environment has no time limit and the run has been short: the episodes of an evaluation then take
no more steps together than the run has."""
CONFIRMING = 100
"""Episodes that a run which has reached its target plays before it counts as solved."""


def cut_after(steps: int, episodes: int) -> int:
    """Steps after which each of so many episodes is cut, in a run of so many steps, where nothing limits them."""
    return min(CUT_AFTER, max(CUT_AT_LEAST, steps // episodes))


@dataclass(frozen=True)
class EvaluationSettings:
    """Whole episodes that are played, and not learned from, while training goes on."""

    evaluate_every: int | None = setting(
        None, at_least=0, everyday="steps between two evaluations; 0 for none (default: 1/50 of --steps)"
    )
    """Steps between two evaluations beside training; 0: none. A run that is shorter is not evaluated. Default: 1/50 of
    `steps`, at least 10,000; 100,000 where no limit on steps is set; and no less than `checkpoint_steps` in runs that
    give one result, where training waits meanwhile."""

    evaluation_episodes: int = setting(20, at_least=1)
    """Whole episodes of an evaluation."""

    evaluation_policy: Literal["greedy", "sampled", "both"] = "greedy"
    """What is evaluated: the most probable actions, actions drawn from the policy, or one after the other. At the end
    the best is played both ways, whatever is set here."""

    @property
    def evaluated_ways(self) -> tuple[Way, ...]:
        """The ways in which an evaluation plays."""
        return ("greedy", "sampled") if self.evaluation_policy == "both" else (self.evaluation_policy,)
