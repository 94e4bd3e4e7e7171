"""Memory: CartPole with its two velocities hidden, which have to be made out from what was seen before.

Trains an agent with a recurrent layer (LSTM) and one without, prints what each reaches of 500 after the same steps, and
plays an episode step by step: `predict` takes and gives what the agent remembers, which is None at its start.
"""

from a3c import A3C

for recurrent in ("lstm", None):
    agent = A3C("CartPole-v1", recipe="cartpole-without-velocities", recurrent=recurrent, seed=1)
    agent.learn(steps=300_000, progress=True)
    print(f"recurrent={recurrent}:", agent.evaluate(episodes=20))

    environment = agent.make_environment()
    observation, _ = environment.reset(seed=1)
    state, ended, steps = None, False, 0
    while not ended:
        action, state = agent.predict(observation, state)
        observation, _, terminated, truncated, _ = environment.step(action)
        ended, steps = terminated or truncated, steps + 1
    print(f"an episode of {steps} steps")
