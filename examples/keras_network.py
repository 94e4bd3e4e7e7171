"""A Keras model as the network, with the two outputs that tutorials give it; needs `pip install '.[keras]'`.

Trains CartPole until it is solved, saves what was learned as a .keras file, and loads that with Keras alone. Prints the
return of 20 episodes, and what the Keras model makes of a pole that falls to the right.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"  # before Keras is imported

import keras
import numpy as np

from a3c import A3C

keras.utils.set_random_seed(1)
inputs = keras.layers.Input(shape=(4,))
x = keras.layers.Dense(64, activation="tanh")(inputs)
x = keras.layers.Dense(64, activation="tanh")(x)
policy = keras.layers.Dense(2, activation="softmax")(x)
value = keras.layers.Dense(1, activation="linear")(x)
model = keras.Model(inputs, [policy, value])

agent = A3C("CartPole-v1", network=model, seed=1)
agent.learn(progress=True)
print(agent.evaluate(episodes=20))
agent.keras_model().save("cartpole.keras")

loaded = keras.saving.load_model("cartpole.keras")
probabilities, _ = loaded.predict(np.array([[0.0, 0.0, 0.1, 1.0]]), verbose=0)  # type: ignore[union-attr]
print(f"push left {probabilities[0, 0]:.2f}, right {probabilities[0, 1]:.2f}")
