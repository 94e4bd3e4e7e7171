"""A network of your own, an Equinox module: from one observation to features; heads for policy and value are added.

Trains CartPole until it is solved, saves the agent, and loads it again, for which the network is needed: a checkpoint
holds no code. Prints the return of 20 episodes.
"""

import equinox as eqx
import jax

import a3c


class Residual(eqx.Module):
    """A layer, and another one around which there is a way past it."""

    first: eqx.nn.Linear
    second: eqx.nn.Linear
    norm: eqx.nn.LayerNorm

    def __init__(self, observation_space, key, width=64):
        first, second = jax.random.split(key)
        self.first = eqx.nn.Linear(observation_space.shape[0], width, key=first)
        self.second = eqx.nn.Linear(width, width, key=second)
        self.norm = eqx.nn.LayerNorm(width)

    def __call__(self, observation):
        x = jax.nn.silu(self.first(observation))
        return x + jax.nn.silu(self.second(self.norm(x)))


agent = a3c.A3C("CartPole-v1", network=Residual, seed=1)
agent.learn(progress=True)
agent.save("own_network.safetensors")

agent = a3c.load("own_network.safetensors", network=Residual)
print(agent.evaluate(episodes=20))
