"""What a user writes: a checker in strict mode finds nothing to say of it. It is not run."""

from functools import partial
from pathlib import Path

import equinox as eqx
import gymnasium
import jax
import numpy as np
from gymnasium.vector import SyncVectorEnv

import a3c
from a3c import A3C, GA3C, Agent, Callback, Training


class Evaluating(Callback):
    def on_report(self, training: Training) -> None:
        training.log("greedy", training.snapshot().evaluate(episodes=10).mean)

    def on_checkpoint(self, training: Training, path: Path) -> None:
        print(path.name, training.config.learning_rate, training.progress["loss"])


def a_minute(training: Training) -> bool:
    return training.seconds < 60


agent = A3C("CartPole-v1", workers=4, learning_rate=1e-3, hidden=[64, 64], network="mlp")
result = agent.learn(steps=100_000, callback=[Evaluating(), a_minute, lambda training: training.steps < 1_000])
print(result.solved, result.summary["return_mean_100"], result.best.counts)
agent.save(Path("agent.safetensors"))

agent = a3c.load("agent.safetensors")
environment = agent.make_environment(render_mode="human")
observation, _ = environment.reset(seed=1)
state, ended = None, False
while not ended:
    action, state = agent.predict(observation, state, deterministic=False)
    observation, reward, terminated, truncated, _ = environment.step(action)
    ended = terminated or truncated
values = np.asarray(agent.value(np.zeros((2, 4))))
agent.predict({"camera": np.zeros((8, 8), np.uint8), "speed": [0.5]})
agent.predict((1, np.zeros(3)), deterministic=None)
agent.predict(np.zeros(4), action_mask=[1, 0])
agent.predict(np.zeros(4), action_mask=(np.ones(2, bool), [True, False, True]))
agent.evaluate(deterministic=agent.plays == "greedy")
print(f"{agent.evaluate(episodes=20).mean:.1f}", agent.parameters.shape, agent.policy, agent.snapshot.version)


class Corridor(gymnasium.Env[np.ndarray, int]):
    def __init__(self, length: int = 10):
        self.length = length


def corridors(count: int) -> SyncVectorEnv:
    return SyncVectorEnv([Corridor] * count)


def corridor(length: int) -> Corridor:
    return Corridor(length)


GA3C(Corridor, predictors=2, env_kwargs={"length": 3})
Agent(corridors, algorithm="my_module:MINE", my_own_setting=3)
A3C(lambda: gymnasium.make("CartPole-v1"))
A3C(partial(corridor, length=3))
print(a3c.repeat(corridor, 3, env_kwargs={"length": 3}, steps=1_000)["median"]["return_mean_100"])
print(a3c.resume("runs/corridor", environment=corridor, steps=2_000).stop_reason)
a3c.NStepQ(corridor, evaluation_environment=corridor, target_interval=500)
a3c.resume("runs/corridor", evaluation_environment=corridor, lag_correction="none", learning_rate=1e-3)
a3c.resume("runs/corridor", algorithm=a3c.IMPALA.algorithm, my_own_setting=3)
a3c.repeat(corridor, 3, algorithm="my_module:MINE", my_own_setting=3)
a3c.repeat(corridor, 3, algorithm="impala", evaluation_environment="CartPole-v1", forced_lag=3)
A3C("CartPole-v1", evaluation_environment=corridor)


class Network(eqx.Module):
    layer: eqx.nn.Linear

    def __init__(self, space: gymnasium.spaces.Box, key: jax.Array, width: int = 64):
        self.layer = eqx.nn.Linear(space.shape[0], width, key=key)

    def __call__(self, observation: jax.Array) -> jax.Array:
        return jax.nn.silu(self.layer(observation))


def network(space: gymnasium.Space[np.ndarray], key: jax.Array) -> eqx.Module:
    return eqx.nn.Linear(4, 64, key=key)


A3C("CartPole-v1", network=Network)
A3C("CartPole-v1", network=network)
A3C("CartPole-v1", network=partial(Network, width=32))
A3C("CartPole-v1", network=lambda space, key: eqx.nn.Linear(4, 64, key=key))
