"""Trains A2C or PPO of Stable-Baselines3 on CartPole-v1, with rl-baselines3-zoo settings, until it is solved.

Run by benchmarks/cartpole.py, in a process of its own:

    python benchmarks/peers/sb3_cartpole.py a2c --seed 1 --output result.json
"""
# pyright: reportMissingImports=false

import argparse
import json
import time
from collections import deque
from importlib.metadata import version
from pathlib import Path

STARTED = time.monotonic()

import torch  # noqa: E402
from stable_baselines3 import A2C, PPO  # noqa: E402
from stable_baselines3.common.base_class import BaseAlgorithm  # noqa: E402
from stable_baselines3.common.callbacks import BaseCallback  # noqa: E402
from stable_baselines3.common.env_util import make_vec_env  # noqa: E402

TARGET, WINDOW = 475.0, 100
PPO_STEPS = 100_000
"""The length of zoo's PPO run, over which learning rate and clip range fall linearly to 0."""


def make_a2c(seed: int) -> BaseAlgorithm:
    """`CartPole-v1` in zoo's hyperparams/a2c.yml; the rest are the library's defaults."""
    return A2C("MlpPolicy", make_vec_env("CartPole-v1", n_envs=8, seed=seed), ent_coef=0.0, seed=seed, device="cpu")


def make_ppo(seed: int) -> BaseAlgorithm:
    """`CartPole-v1` in zoo's hyperparams/ppo.yml."""
    return PPO(
        "MlpPolicy",
        make_vec_env("CartPole-v1", n_envs=8, seed=seed),
        n_steps=32,
        batch_size=256,
        gae_lambda=0.8,
        gamma=0.98,
        n_epochs=20,
        ent_coef=0.0,
        learning_rate=lambda remaining: 0.001 * remaining,
        clip_range=lambda remaining: 0.2 * remaining,
        seed=seed,
        device="cpu",
    )


class UntilSolved(BaseCallback):
    """Notes every episode, and ends training when the last 100 average 475, or when its time is up."""

    def __init__(self, started: float, seconds: float):
        super().__init__()
        self.started, self.seconds = started, seconds
        self.episodes: list[tuple[float, int, float]] = []
        self.recent: deque[float] = deque(maxlen=WINDOW)
        self.rollouts = 0
        self.first_update: float | None = None
        self.solved: tuple[float, int] | None = None

    def _on_rollout_start(self) -> None:
        self.rollouts += 1
        # The second rollout starts when the first update has been applied.
        if self.rollouts == 2:
            self.first_update = time.monotonic() - self.started

    def _on_step(self) -> bool:
        now = time.monotonic() - self.started
        for info in self.locals["infos"]:
            if episode := info.get("episode"):
                self.episodes.append((round(now, 3), self.num_timesteps, float(episode["r"])))
                self.recent.append(float(episode["r"]))
                if len(self.recent) == WINDOW and sum(self.recent) / WINDOW >= TARGET:
                    self.solved = (round(now, 3), self.num_timesteps)
                    return False
        return now < self.seconds


def learn(algorithm: str, model: BaseAlgorithm, watch: UntilSolved, steps: int) -> None:
    """Until solved or out of steps. PPO does the run of zoo first; unsolved, it goes on as a second `learn` does."""
    if algorithm == "ppo":
        first = min(PPO_STEPS, steps)
        model.learn(first, callback=watch)
        if steps > first and watch.solved is None:
            model.learn(steps - first, callback=watch, reset_num_timesteps=False)
    else:
        model.learn(steps, callback=watch)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("algorithm", choices=("a2c", "ppo"))
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--steps", type=int, default=500_000, help="give up after this many (%(default)s)")
    parser.add_argument("--seconds", type=float, default=300.0, help="give up after this many (%(default)s)")
    parser.add_argument("--started", type=float, default=STARTED, help="when this process started, by time.monotonic()")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()

    # Networks this small gain nothing from a second thread, and lose a lot where the machine is busy.
    torch.set_num_threads(1)
    model = (make_a2c if arguments.algorithm == "a2c" else make_ppo)(arguments.seed)
    watch = UntilSolved(arguments.started, arguments.seconds)
    learn(arguments.algorithm, model, watch, arguments.steps)

    seconds = time.monotonic() - arguments.started
    training = None if watch.first_update is None else seconds - watch.first_update
    solved_at_second, solved_at_step = watch.solved or (None, None)
    result = {
        "status": "solved" if watch.solved else "finished",
        "startup_seconds": None if watch.first_update is None else round(watch.first_update, 3),
        "solved_at_second": solved_at_second,
        "solved_at_step": solved_at_step,
        "steps": model.num_timesteps,
        "steps_per_second": round(model.num_timesteps / training, 1) if training else None,
        "versions": {name: version(name) for name in ("stable_baselines3", "torch", "gymnasium", "numpy")},
        "episodes": watch.episodes,
    }
    arguments.output.write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main()
