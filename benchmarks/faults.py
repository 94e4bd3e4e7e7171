"""Does to runs what happens to them, at moments drawn from a seed: kills, signals, full disks, bad environments.

    python benchmarks/faults.py                                 400 faults and 1,000 damaged checkpoints, 25 minutes
    python benchmarks/faults.py --only faults --kinds sigterm,"full disk" --faults 40 --seed 3

Faults are spread over all kinds and all four algorithms, two at a time. A run ended well where, within 15 seconds of
what befell it,
- it left with the documented status and at most one line on the standard error, apart from an environment's own error,
- nothing was left: processes, shared memory, temporary files,
- and `--resume` went on: at most one checkpoint interval is lost, and nothing where the run was to save at its end.
Full disks need a mount, which takes root. Every fault is in the results, with what was bad.
"""

import argparse
import os
import random
import signal
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rich.table import Table

from benchmark import Benchmark, Part, some_of
from fault_kinds import KINDS
from measure import Record
from report import Finding, Measured, by
from trial import Resuming, Trial

ALGORITHMS = ("a3c", "a2c", "ga3c", "impala")
AT_ONCE = 2


def faults(arguments: argparse.Namespace) -> list[Record]:
    """Each kind in turn, and each algorithm, until there were as many as asked for."""
    kinds = arguments.kinds
    if "full disk" in kinds and os.geteuid() != 0:
        print("  full disk: skipped, as only root mounts one")
        kinds = [kind for kind in kinds if kind != "full disk"]
    resuming, told = Resuming(), threading.Lock()

    def one(number: int) -> Record:
        kind = kinds[number % len(kinds)]
        algorithm = ALGORITHMS[(number // len(kinds)) % len(ALGORITHMS)]
        record = _try(kind, algorithm, f"{arguments.seed} {number}", resuming)
        with told:
            verdict = "; ".join(record["bad"]) or "ended well"
            print(f"  {number + 1} {kind}, {record['algorithm']}: {verdict}", flush=True)
        return record

    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        return list(pool.map(one, range(arguments.faults)))
    finally:
        # On Ctrl-C those that run are ended, and no others begin.
        pool.shutdown(cancel_futures=True)
        resuming.close()


def _try(kind: str, algorithm: str, seed: str, resuming: Resuming) -> Record:
    with tempfile.TemporaryDirectory(prefix="fault-") as name:
        trial = Trial(Path(name), algorithm, random.Random(seed))
        try:
            KINDS[kind](trial, resuming)
        except Exception as error:
            trial.bad.append(f"{type(error).__name__}: {error}")
        finally:
            trial.clear()
    return {
        "kind": kind,
        "algorithm": trial.algorithm,
        "seed": seed,
        "status": trial.status,
        "seconds": trial.seconds,
        "bad": trial.bad,
    }


def mutations(arguments: argparse.Namespace) -> list[Record]:
    """Checkpoints that a bad disk or an enemy changed, a record for each kind of change."""
    import fault_mutations

    return [row._asdict() for row in fault_mutations.mutations(arguments.mutations, arguments.seed)]


def _table(part: Measured) -> Table:
    table = Table("kind", "tried", "ended well", "bad", title="what was done to runs")
    for kind, (tried, well) in _counts(part).items():
        table.add_row(kind, str(tried), str(well), str(tried - well))
    return table


def _findings(part: Measured) -> Iterator[Finding]:
    counts = _counts(part).values()
    tried, well = sum(tried for tried, _ in counts), sum(well for _, well in counts)
    yield Finding("ended well", f"{well:,} of {tried:,}", "all", well == tried)


def _counts(part: Measured) -> dict[str, tuple[int, int]]:
    """By kind: how many were tried, and how many ended well."""
    counts = {}
    for kind, runs in by(part, "kind").items():
        tried = sum(run.get("tried", 1) for run in runs)
        counts[kind] = tried, sum(run.get("well", not run["bad"]) for run in runs)
    return counts


BENCHMARK = Benchmark(
    "faults",
    {"faults": Part(faults, _findings, _table), "mutations": Part(mutations, _findings, _table)},
)


def main() -> None:
    parser = BENCHMARK.parser(__doc__)
    parser.add_argument("--faults", type=int, default=20 * len(KINDS), help="how many, of all kinds together")
    parser.add_argument("--mutations", type=int, default=1000, help="damaged checkpoints")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument(
        "--kinds", type=some_of("kind", KINDS), default=",".join(KINDS), help="kinds of faults, of %(default)s"
    )
    arguments = parser.parse_args()
    # What a shell has this ignore, as `nohup` does, runs would ignore too; what is handled here they do not.
    signal.signal(signal.SIGHUP, lambda *_: None)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    BENCHMARK.run(arguments)


if __name__ == "__main__":
    main()
