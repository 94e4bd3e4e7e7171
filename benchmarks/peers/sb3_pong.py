"""Trains A2C of Stable-Baselines3 on Pong at 84x84 for some seconds, and says how many steps a second it took.

Run by benchmarks/pong.py, in a process of its own:

    python benchmarks/peers/sb3_pong.py --seconds 30 --output result.json
"""
# pyright: reportMissingImports=false

import argparse
import json
import time
from importlib.metadata import version
from pathlib import Path

import ale_py
import gymnasium
import torch
from stable_baselines3 import A2C
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_atari_env
from stable_baselines3.common.vec_env import SubprocVecEnv, VecFrameStack

WARM_UP = 5.0
"""Seconds before counting."""


class Rate(BaseCallback):
    """Counts steps after a warm-up, until the time is up."""

    def __init__(self, seconds: float):
        super().__init__()
        self.seconds = seconds
        self.started = time.monotonic()
        self.begin: tuple[float, int] | None = None
        self.rate = 0.0

    def _on_training_start(self) -> None:
        self.started = time.monotonic()

    def _on_step(self) -> bool:
        now = time.monotonic()
        if now < self.started + WARM_UP:
            return True
        if self.begin is None:
            self.begin = now, self.num_timesteps
            return True
        self.rate = (self.num_timesteps - self.begin[1]) / (now - self.begin[0])
        return now < self.started + WARM_UP + self.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long to count (%(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="threads of PyTorch (%(default)s)")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    gymnasium.register_envs(ale_py)
    torch.set_num_threads(arguments.threads)
    # rl-baselines3-zoo's settings for A2C on Atari games; each environment in a process, so that all cores are busy.
    environments = make_atari_env("PongNoFrameskip-v4", n_envs=16, seed=1, vec_env_cls=SubprocVecEnv)
    model = A2C("CnnPolicy", VecFrameStack(environments, 4), ent_coef=0.01, vf_coef=0.25, seed=1, device="cpu")
    rate = Rate(arguments.seconds)
    model.learn(10_000_000, callback=rate)
    environments.close()
    versions = {name: version(name) for name in ("stable_baselines3", "torch", "gymnasium", "ale_py", "numpy")}
    arguments.output.write_text(json.dumps({"steps_per_second": round(rate.rate, 1), "versions": versions}))


if __name__ == "__main__":
    main()
