"""Trains A2C or PPO of Stable-Baselines3 with that library's default arguments, and plays what it has learned greedily.

Run by benchmarks/defaults.py, in a process of its own:

    python benchmarks/peers/sb3_defaults.py Pendulum-v1 ppo --seed 1 --steps 200000 --output result.json
"""
# pyright: reportMissingImports=false

import argparse
import json
import time
from importlib.metadata import version
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import torch
from stable_baselines3 import A2C, PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

ALGORITHMS = {"a2c": A2C, "ppo": PPO}
AT_ONCE = 10
"""Environments of the evaluation, which play its episodes in equal shares."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environment")
    parser.add_argument("algorithm", choices=ALGORITHMS)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True, help="of training; ends with the rollout under way")
    parser.add_argument("--episodes", type=int, default=100, help="of the evaluation (%(default)s)")
    parser.add_argument("--unseen", type=int, default=1000003, help="seed of the evaluation (%(default)s)")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    # Networks this small gain nothing from a second thread, and lose a lot where the machine is busy.
    torch.set_num_threads(1)
    model = ALGORITHMS[arguments.algorithm]("MlpPolicy", arguments.environment, seed=arguments.seed, device="cpu")
    started = time.monotonic()
    model.learn(arguments.steps)
    seconds = time.monotonic() - started

    environments = make_vec_env(arguments.environment, n_envs=AT_ONCE, seed=arguments.unseen)
    # Lists of returns and lengths, as they are asked for; else a mean and a deviation.
    of_each: Any = evaluate_policy(
        model, environments, arguments.episodes, deterministic=True, return_episode_rewards=True
    )
    returns = [float(value) for value in of_each[0]]
    result = {
        "status": "finished",
        "solved_at_second": None,
        "solved_at_step": None,
        "steps": model.num_timesteps,
        "training_seconds": round(seconds, 3),
        "steps_per_second": round(model.num_timesteps / seconds, 1),
        "versions": {name: version(name) for name in ("stable_baselines3", "torch", "gymnasium", "numpy")},
        "greedy": {"latest": {"mean": fmean(returns), "std": pstdev(returns), "returns": returns}},
    }
    arguments.output.write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
