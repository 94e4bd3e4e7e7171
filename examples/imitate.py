"""A start from demonstrations: CartPole from a rule that balances the pole, then training goes on from there.

Collects episodes of the rule into an .npz file, clones it, and prints what clone and trained agent reach of 500.
"""

import gymnasium
import numpy as np

from a3c import A3C

environment = gymnasium.make("CartPole-v1")
observations, actions, rewards, terminations, truncations = [], [], [], [], []
for episode in range(10):
    observation, _ = environment.reset(seed=episode)
    ended = False
    while not ended:
        action = int(3 * observation[2] + observation[3] + 0.1 * observation[1] + 0.05 * observation[0] > 0)
        observations.append(observation)
        actions.append(action)
        observation, reward, terminated, truncated, _ = environment.step(action)
        rewards.append(reward)
        terminations.append(terminated)
        truncations.append(truncated)
        ended = terminated or truncated
np.savez(
    "demonstrations.npz",
    observations=observations,
    actions=actions,
    rewards=rewards,
    terminations=terminations,
    truncations=truncations,
)

agent = A3C("CartPole-v1", seed=1)
print(agent.imitate("demonstrations.npz"))
print("cloned: ", agent.evaluate(episodes=20))
agent.learn(steps=20_000)
agent.load_best()
print("trained:", agent.evaluate(episodes=20))
