"""What the benchmarks measure with: runs in processes of their own, bare environments, memory, the machine."""

import csv
import json
import multiprocessing
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from a3c.config import TrainConfig
from a3c.environments.making import EnvironmentMaker
from a3c.errors import A3CError
from a3c.machine import available_cores
from a3c.runs.folder import RunFolder

Record = dict[str, Any]
Episode = tuple[float, int, float]
"""When it ended, in seconds and in steps, and its return."""
PEERS = Path(__file__).parent / "peers"
WINDOW = 100
CURVE_POINTS = 100
"""Points of a learning curve that are evenly many episodes apart, and as many that are evenly many steps apart."""
EPISODES = 100
"""Episodes of an evaluation."""
UNSEEN = "1000003"
"""Seed of evaluations, which no run is trained with."""
UNSOLVED: Record = {"status": "failed", "solved_at_second": None, "solved_at_step": None}


def train(
    *flags: str,
    limit: float = 120.0,
    environment: dict[str, str] | None = None,
    watch: Callable[[subprocess.Popen], None] | None = None,
    evaluated: tuple[str, ...] = (),
    episodes: int = EPISODES,
    evaluated_with: tuple[str, ...] = (),
    noting: Callable[[list[Episode]], Record] | None = None,
    curve: bool = True,
    program: tuple[str, ...] = (sys.executable, "-m", "a3c"),
) -> Record:
    """Runs `a3c train FLAGS` and returns what its summary.json says.

    Args:
        limit: seconds after which the process is killed, which makes the run a failed one.
        environment: variables added to the environment.
        watch: called with the process while it runs.
        evaluated: checkpoints of the run to evaluate when it is over, of "best" and "latest".
        episodes: of these evaluations.
        evaluated_with: flags of these evaluations, such as --greedy; without, a checkpoint plays as it says.
        noting: what to keep of its episodes, besides the learning curve; they come in the order in which they ended.
        curve: whether to keep the learning curve, which is most of what is kept: for what draws it.
        program: what `a3c` is: that of this interpreter, or of another checkout.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "run"
        command = [*program, "train", *flags, "--no-progress", "--run", str(folder)]
        record: Record = {"command": " ".join(("a3c", "train", *flags))}
        record |= _run(command, limit, environment, watch)
        if record["error"]:
            record["error"] = record["error"].replace(f"{temporary}/", "")
        if (folder / "summary.json").exists():
            summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
            kept = (
                "status seed workers steps episodes startup_seconds solved_at_second solved_at_step wall_seconds "
                "training_seconds steps_per_second return_mean_100 best_return_mean_100 policy_lag "
                "best_evaluation confirmations_failed evaluations"
            )
            record |= {name: summary.get(name) for name in kept.split()}
            # Another checkout may write what this one does not read.
            with suppress(A3CError):
                record["envs_per_worker"] = RunFolder(folder).config().envs_per_worker
            with (folder / "episodes.csv").open(newline="") as file:
                finished = sorted(
                    (float(row["seconds"]), int(row["step"]), float(row["return"])) for row in csv.DictReader(file)
                )
            if curve:
                record["curve"] = _curve(finished)
            if noting is not None:
                record |= noting(finished)
            if evaluated and not record["error"]:
                record["greedy"] = {
                    checkpoint: _evaluate(folder, checkpoint, episodes, evaluated_with) for checkpoint in evaluated
                }
    return record | UNSOLVED if record["error"] else record


def _evaluate(folder: Path, checkpoint: str, episodes: int, flags: tuple[str, ...], limit: float = 1800.0) -> Record:
    """What `a3c evaluate` of this interpreter says of a checkpoint of the run in `folder`, of episodes that it never
    saw."""
    output = folder.parent / f"{checkpoint}.json"
    flags = ("--checkpoint", checkpoint, "--episodes", str(episodes), "--json", "--seed", UNSEEN, *flags)
    record = _run([sys.executable, "-m", "a3c", "evaluate", str(folder), *flags], limit, output=output)
    if record["error"] is None:
        said = json.loads(output.read_text(encoding="utf-8"))
        record |= {name: said[name] for name in ("mean", "std", "returns")}
    return record


def train_peer(python: str, algorithm: str, seed: int, steps: int = 500_000, seconds: float = 300.0) -> Record:
    """Runs a Stable-Baselines3 algorithm on CartPole-v1 with the interpreter `python`, until solved or out of steps."""
    flags = [algorithm, "--seed", str(seed), "--steps", str(steps), "--seconds", str(seconds)]
    timed = ["--started", str(time.monotonic())]
    record: Record = {"seed": seed}
    record |= _run_peer(python, "sb3_cartpole.py", flags, timed, limit=seconds + 30.0)
    if "episodes" in record:
        record["curve"] = _curve(record.pop("episodes"))
    return record | UNSOLVED if record["error"] else record


def train_peer_by_default(python: str, environment: str, algorithm: str, seed: int, steps: int) -> Record:
    """Runs a Stable-Baselines3 algorithm with its default arguments, and plays what it has learned greedily."""
    flags = [environment, algorithm, "--seed", str(seed), "--steps", str(steps), "--episodes", str(EPISODES)]
    record: Record = {"seed": seed}
    record |= _run_peer(python, "sb3_defaults.py", [*flags, "--unseen", UNSEEN], [], limit=3600.0)
    return record | UNSOLVED if record["error"] else record


def peer_rate(python: str, script: str, seconds: float) -> Record:
    """Steps per second of a peer's script with the interpreter `python`, counted for some seconds."""
    none: Record = {"steps_per_second": None}
    return none | _run_peer(python, script, ["--seconds", str(seconds)], [], limit=seconds + 120.0)


def _run_peer(python: str, script: str, flags: list[str], unnamed: list[str], limit: float) -> Record:
    """What a peer's script says of itself; `unnamed` are flags that the recorded command leaves out."""
    with tempfile.TemporaryDirectory() as temporary:
        output = Path(temporary) / "result.json"
        record: Record = {"command": " ".join((script, *flags))}
        command = [python, str(PEERS / script), *flags, *unnamed, "--output", str(output)]
        # Stable-Baselines3 and PyTorch leave folders in that for temporary files.
        record |= _run(command, limit, {"TMPDIR": temporary})
        if output.exists():
            record |= json.loads(output.read_text(encoding="utf-8"))
    return record


def _run(
    command: list[str],
    limit: float,
    environment: dict[str, str] | None = None,
    watch: Callable[[subprocess.Popen], None] | None = None,
    output: Path | None = None,
) -> Record:
    """One process from start to end; `error` says what went wrong, if anything did.

    What the process prints goes to the file `output`, if given, and is forgotten otherwise.
    """
    with tempfile.TemporaryFile("w+") as log, output.open("w") if output else nullcontext(log) as printed:
        started = time.monotonic()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=printed, stderr=log, env=os.environ | (environment or {})
        )
        error = None
        try:
            if watch is not None:
                watch(process)
            if process.wait(max(limit - (time.monotonic() - started), 0.0)) != 0:
                log.seek(0)
                error = (log.read().strip().splitlines() or [f"exit status {process.returncode}"])[-1]
        except subprocess.TimeoutExpired:
            error = f"killed after {limit:.0f} s"
        finally:
            _kill(process)
        return {"process_seconds": round(time.monotonic() - started, 3), "error": error}


def _kill(process: subprocess.Popen) -> None:
    """Ends a process with all its children, if it still runs."""
    if process.poll() is not None:
        return
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    process.kill()
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    process.wait()


def _curve(episodes: list[Episode]) -> dict[str, list[float]]:
    """The mean return of the last 100 episodes (of all, while there are fewer) over seconds and steps, thinned.

    Episodes are taken in the order in which they ended; workers report theirs a little later, together.
    """
    if not episodes:
        return {"second": [], "step": [], "mean": []}
    seconds, steps, returns = (np.array(column, dtype=float) for column in zip(*sorted(episodes), strict=True))
    sums = np.cumsum(np.insert(returns, 0, 0.0))
    end = np.arange(1, len(returns) + 1)
    begin = np.maximum(end - WINDOW, 0)
    means = (sums[end] - sums[begin]) / (end - begin)
    # Early episodes are short and many, late ones long and few: even in episodes alone, the end would be coarse.
    in_episodes = np.linspace(0, len(means) - 1, CURVE_POINTS).astype(int)
    in_steps = np.searchsorted(np.maximum.accumulate(steps), np.linspace(steps[0], steps[-1], CURVE_POINTS))
    kept = np.union1d(in_episodes, in_steps)
    return {
        "second": [round(float(x), 3) for x in seconds[kept]],
        "step": [int(x) for x in steps[kept]],
        "mean": [round(float(x), 2) for x in means[kept]],
    }


class MemoryWatch:
    """Samples the proportional set size of a training run's processes until the run ends, in bytes.

    The proportional set size counts a page that several processes share in equal parts. Only Linux tells it.
    """

    def __init__(self, every: float = 1.0, longest: float = 60.0) -> None:
        """`every` and `longest`: seconds between samples, and after which no more are taken."""
        self._every, self._longest = every, longest
        self.total = 0
        """The largest sum over all processes of the run."""
        self.main = 0
        """The main process, when that sum was largest."""
        self.workers: list[int] = []
        """Each worker, when that sum was largest."""
        self.samples: list[tuple[float, int]] = []
        """Seconds since the start, and the sum then."""

    def __call__(self, process: subprocess.Popen) -> None:
        started = time.monotonic()
        while process.poll() is None and time.monotonic() < started + self._longest:
            time.sleep(self._every)
            try:
                main = psutil.Process(process.pid)
                # Workers are children of the server process that they are forked from.
                workers = [worker for child in main.children() for worker in child.children()]
                sizes = {p.pid: p.memory_full_info().pss for p in (main, *main.children(recursive=True))}
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
            total = sum(sizes.values())
            self.samples.append((round(time.monotonic() - started, 1), total))
            if total > self.total:
                self.total, self.main = total, sizes[main.pid]
                self.workers = [sizes[worker.pid] for worker in workers if worker.pid in sizes]


def bare_rate(config: TrainConfig, processes: int, seconds: float = 4.0) -> float:
    """Steps per second of `processes` processes that only step the environments of a worker, with random actions."""
    context = multiprocessing.get_context("spawn")
    barrier, rates = context.Barrier(processes), context.Queue()
    members = [
        context.Process(target=_step, args=(config, seconds, barrier, rates), daemon=True) for _ in range(processes)
    ]
    for member in members:
        member.start()
    try:
        return sum(rates.get(timeout=seconds + 60.0) for _ in members)
    finally:
        for member in members:
            member.kill()
            member.join()


def _step(config: TrainConfig, seconds: float, barrier: Barrier, rates: Queue) -> None:
    vector = EnvironmentMaker(config.environment, config).make_vector(config.environments_each)
    choices = vector.single_action_space.n  # type: ignore[attr-defined]
    actions = np.random.default_rng(0).integers(choices, size=(100, config.environments_each))
    vector.reset(seed=0)
    barrier.wait(timeout=60.0)
    started, steps = time.monotonic(), 0
    while (passed := time.monotonic() - started) < seconds:
        for row in actions:
            vector.step(row)
        steps += actions.size
    rates.put(steps / passed)


def machine() -> Record:
    """The machine and the software, when and how busy: what a figure means nothing without."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": available_cores(),
        "processor": _processor(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.platform(),
        "load_average_before": [round(load, 2) for load in psutil.getloadavg()],
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("a3c", "jax", "jaxlib", "equinox", "optax", "gymnasium", "numpy")},
        },
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
