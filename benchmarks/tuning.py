"""Measures what tuning gains: Acrobot, A3C, tuned for some minutes, beside the defaults that the search began with.

    python benchmarks/tuning.py                 about 25 minutes on two cores
    python benchmarks/tuning.py --minutes 5     less of a search

The search trains three seeds a trial, 1 to 3, to 20,000 steps, at which the defaults have not solved the task. Then the
recipe that it wrote and the defaults are trained with seeds that neither has seen, in turn, to the same steps, by as
many workers as there are cores. What counts is the mean of 100 new episodes that the policy of the end plays greedily.
All runs are kept in the results.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from rich.table import Table

import a3c
from benchmark import Benchmark, Part, tell
from measure import Record, train
from report import Finding, Measured, by, final_score, number

ENVIRONMENT, ALGORITHM, STEPS = "Acrobot-v1", "a3c", 20_000
FIRST_SEED = 101
"""Of those that what was found is measured with."""


def measure(arguments: argparse.Namespace) -> list[Record]:
    """A record of the search, and one of each run by what it found and by the defaults."""
    with tempfile.TemporaryDirectory() as folder:
        storage = Path(folder) / "acrobot.journal"
        tuned = a3c.tune(
            ENVIRONMENT,
            algorithm=ALGORITHM,
            recipe="none",
            steps=STEPS,
            trials=arguments.trials,
            minutes=arguments.minutes,
            storage=storage,
            progress=True,
        )
        if tuned.best is None or tuned.recipe is None:
            raise SystemExit("no trial was trained to its end: give it more --minutes")
        shutil.copy(str(tuned.picture), arguments.picture)
        runs: list[Record] = [
            {
                "system": "search",
                "minutes": arguments.minutes,
                "recipe": Path(tuned.recipe).read_text(encoding="utf-8"),
                "best": tuned.best.number,
                "trials": [
                    {"number": t.number, "state": t.state, "score": t.score, "scores": t.scores, "settings": t.values}
                    for t in tuned.trials
                ],
            }
        ]
        for seed in range(FIRST_SEED, FIRST_SEED + arguments.seeds):
            for system, recipe in (("defaults", "none"), ("tuned", tuned.recipe)):
                runs.append({"system": system} | _trained(recipe, seed))
                tell(runs[-1])
                print(f"    greedy: {_said(final_score(runs[-1]))}", flush=True)
        return runs


def _trained(recipe: str, seed: int) -> Record:
    flags = ("--algorithm", ALGORITHM, "--recipe", recipe, "--steps", str(STEPS), "--no-stop-when-solved")
    flags += ("--seed", str(seed))
    run = train(ENVIRONMENT, *flags, limit=600.0, evaluated=("latest",), evaluated_with=("--greedy",), curve=False)
    # Where the recipe lay for a while says nothing.
    run["command"] = run["command"].replace(recipe, Path(recipe).name)
    return run


def findings(part: Measured) -> Iterator[Finding]:
    systems = by(part, "system")
    scores = {name: [final_score(run) for run in systems[name]] for name in ("defaults", "tuned")}
    before, after = median(scores["defaults"]), median(scores["tuned"])
    said = f"{_said(after)}, worst {_said(min(scores['tuned']))}"
    yield Finding(
        f"{ENVIRONMENT}, tuned: median of {len(scores['tuned'])} fresh seeds",
        said,
        f"> {_said(before)}",
        after > before,
    )
    (search,) = systems["search"]
    minutes, states = search["minutes"], [trial["state"] for trial in search["trials"]]
    yield Finding(
        "trials of the search",
        f"{len(states)} in {minutes:g} minutes: {states.count('pruned')} pruned, {states.count('failed')} failed",
    )


def table(part: Measured) -> Table:
    """A row for each of the two: what its seeds came to."""
    found = Table("", "median", "worst", "seeds", title=f"{ENVIRONMENT}, {STEPS:,} steps, greedily")
    systems = by(part, "system")
    for name in ("defaults", "tuned"):
        scores = [final_score(run) for run in systems[name]]
        found.add_row(name, _said(median(scores)), _said(min(scores)), ", ".join(map(_said, scores)))
    return found


def _said(score: float) -> str:
    return number(score, ".1f", missing="failed")


def main() -> None:
    benchmark = Benchmark("tuning", {"acrobot": Part(measure, findings, table)})
    parser = benchmark.parser(__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="of the search (%(default)s)")
    parser.add_argument("--trials", type=int, default=1000, help="trials at most (%(default)s)")
    parser.add_argument("--seeds", type=int, default=5, help="fresh seeds of each (%(default)s)")
    parser.add_argument(
        "--picture", type=Path, default=Path(__file__).parents[1] / "docs" / "tuning.png", help="of the search"
    )
    benchmark.run(parser.parse_args())


if __name__ == "__main__":
    main()
