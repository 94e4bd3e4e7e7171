"""What a user gets wrong: a checker in strict mode says so, at the lines that end with `# wrong`, and at no others."""

import gymnasium

import a3c
from a3c import A3C, IMPALA, Agent, Callback, Training


class Reporting(Callback):
    def on_report(self, training: Training, number: int) -> bool:  # wrong
        return training.steps < number


def two(training: Training, more: int) -> bool:
    return training.steps < more


def named(name: str) -> str:
    return name


agent = A3C("CartPole-v1", wrokers=4)  # wrong
A3C("CartPole-v1", learning_rate="1e-3")  # wrong
A3C("CartPole-v1", network="natrue")  # wrong
A3C("CartPole-v1", lag_correction="vtrace")  # wrong
IMPALA("CartPole-v1", lag_correction="retrace")  # wrong
A3C(gymnasium.make("CartPole-v1"))  # wrong
A3C("CartPole-v1", network=named)  # wrong
Agent(named)  # wrong
agent.learn(step=1_000)  # wrong
agent.learn(steps=1_000, callback=two)  # wrong
agent.learn(steps=1_000, callback=Reporting)  # wrong
agent.learn(steps=1_000).summary["return"]  # wrong
agent.predict(None)  # wrong
agent.evaluate(deterministic="greedy")  # wrong
a3c.resume("runs/corridor", wrokers=4)  # wrong
a3c.resume("runs/corridor", step_timeout="60")  # wrong
a3c.repeat("CartPole-v1", 3, wrokers=4)  # wrong
agent.learn(steps=1_000, callback=lambda training: training.stop(None))  # wrong
a3c.A4C("CartPole-v1")  # wrong
