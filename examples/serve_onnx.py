"""Serving: CartPole played by an exported policy, with onnxruntime, Gymnasium and NumPy alone. No JAX is imported.

    a3c train CartPole-v1 --run runs/first
    a3c export runs/first -o policy.onnx
    python examples/serve_onnx.py policy.onnx

Prints the mean return of 20 episodes. It plays other environments of Gymnasium too, drawn actions, memory and action
masks included, of which neither an observation nor an action has parts: each would be an input or output of its own.
"""
# pyright: reportMissingImports=false

import sys
from typing import Any

import gymnasium
import numpy as np
import onnxruntime

session: Any = onnxruntime.InferenceSession(sys.argv[1] if len(sys.argv) > 1 else "policy.onnx")
about = session.get_modelmeta().custom_metadata_map
needed = {one.name: one for one in session.get_inputs()}
given_back = [one.name for one in session.get_outputs()]
generator = np.random.default_rng(0)


def act(observation, state, info):
    """The action for one observation, of which a batch is made, and what is remembered of it."""
    given = {"observation": np.asarray(observation, numpy_type(needed["observation"]))[None]}
    if "noise" in needed:
        normal, shape = about["noise"] == "standard normal", (1, *needed["noise"].shape[1:])
        given["noise"] = (generator.standard_normal if normal else generator.random)(shape, np.float32)
    if "action_mask" in needed:
        given["action_mask"] = np.asarray(info["action_mask"], bool)[None]
    if "state" in needed:
        # Nothing is remembered at an episode's start.
        given["state"] = np.zeros((1, *needed["state"].shape[1:]), np.float32) if state is None else state
    found = dict(zip(given_back, session.run(None, given), strict=True))
    return found["action"][0], found.get("next_state")


def numpy_type(one):
    """tensor(float) -> float32, and so on."""
    name = one.type.removeprefix("tensor(").removesuffix(")")
    return {"float": np.float32, "double": np.float64, "bool": np.bool_}.get(name, name)


environment = gymnasium.make(about["environment"])
returns = []
for episode in range(20):
    observation, info = environment.reset(seed=episode)
    state, ended, total = None, False, 0.0
    while not ended:
        action, state = act(observation, state, info)
        observation, reward, terminated, truncated, info = environment.step(action)
        ended, total = terminated or truncated, total + float(reward)
    returns.append(total)

assert "jax" not in sys.modules
print(f"{np.mean(returns):.1f} +- {np.std(returns):.1f} over 20 episodes of {about['environment']}")
