"""Pictures of several runs: the common grid, the mean that stands for runs of different lengths, what is drawn."""

import csv
import re

import numpy as np
import pytest

from a3c.errors import RunFolderError
from a3c.runs.curves import on_common_grid
from a3c.runs.folder import RunFolder
from a3c.runs.metrics import EPISODE_COLUMNS, EVALUATION_COLUMNS
from a3c.runs.plots import plot_groups, plot_runs
from configs_for_tests import config_with


def a_run(path, episodes, **changes):
    """The folder of a run with these episodes, `(step, return)` each."""
    config = config_with("Some-v0", workers=1, seed=1, target_return=90.0)
    folder = RunFolder.create(path, config)
    facts = {name: getattr(config, name) for name in ("environment", "workers", "seed", "target_return")}
    folder.write_summary(facts | {"algorithm": config.algorithm.name, "solved_at_step": None} | changes)
    with folder.episodes_path.open("w", newline="") as file:
        rows = [(step, 0.0, 0, return_, 1) for step, return_ in episodes]
        csv.writer(file).writerows([EPISODE_COLUMNS, *rows])
    return folder


def curve(*points):
    steps, values = zip(*points, strict=True)
    return np.array(steps), np.array(values, float)


def test_the_grid_begins_where_every_run_has_a_value_and_ends_with_the_longest():
    at, values = on_common_grid([curve((10, 1), (100, 2)), curve((40, 3), (400, 4))])
    assert (at[0], at[-1]) == (40, 400)
    assert values.shape == (2, len(at))
    assert (np.diff(at) > 0).all()


def test_between_its_points_a_run_has_the_value_before():
    at, (_, values) = on_common_grid([curve((0, 0), (100, 0)), curve((0, 5), (50, 7), (100, 9))])
    assert (values[at < 50] == 5).all()
    assert (values[(at >= 50) & (at < 100)] == 7).all()
    assert values[-1] == 9


def test_the_last_value_of_a_run_is_held_until_the_longest_ends():
    at, (short, long) = on_common_grid([curve((0, 1), (100, 8)), curve((0, 1), (1000, 2))])
    assert (short[at >= 100] == 8).all()
    assert long[-1] == 2


def test_a_median_is_drawn_with_its_quartiles_its_runs_and_the_target(tmp_path):
    runs = [a_run(tmp_path / name, [(step, 50 + step) for step in range(1, 40)]) for name in "abc"]
    plot_groups([("all", runs)], tmp_path / "median.svg")
    words = ["median of 3 runs", "between the quartiles", "one run", "target 90", "A3C on Some-v0"]
    assert [word for word in words if f"<!-- {word} -->" not in (tmp_path / "median.svg").read_text()] == []


def test_of_many_runs_the_legend_is_below_and_no_two_lines_are_alike(tmp_path):
    runs = [a_run(tmp_path / str(n), [(1, 1.0), (9, n)], solved_at_step=n, solved_at_second=1.0) for n in range(30)]
    plot_runs(runs, tmp_path / "many.svg")
    plot_runs(runs[:2], tmp_path / "two.svg")
    many, two = ((tmp_path / name).read_text() for name in ("many.svg", "two.svg"))
    assert "<!-- 7: solved at 7 steps, 1.0 s -->" in many
    height = [float(re.search(r'viewBox="0 0 \S+ (\S+)"', picture)[1]) for picture in (many, two)]
    assert height[0] > height[1] == 324
    styles = re.findall(r'clip-path="url[^"]+" style="(fill: none; stroke[^"]+)"', many)
    lines = [style for style in styles if "stroke-width: 2" in style]
    assert len(lines) == len(set(lines)) == 30


def test_groups_are_drawn_each_with_a_median_of_its_own(tmp_path):
    first = a_run(tmp_path / "a", [(1, 1.0), (9, 2.0)])
    second = a_run(tmp_path / "b", [(1, 3.0), (9, 4.0)], algorithm="random")
    plot_groups([("one", [first]), ("other", [second, second])], tmp_path / "medians.svg")
    picture = (tmp_path / "medians.svg").read_text()
    assert "<!-- one: median of 1 run -->" in picture
    assert "<!-- other: median of 2 runs -->" in picture
    assert "<!-- A3C, RANDOM on Some-v0 -->" in picture


def evaluated(folder, *evaluations):
    """Adds these evaluations, `(step, purpose, policy, mean, std)` each, to a run."""
    rows = [dict(zip(("step", "purpose", "policy", "mean", "std"), row, strict=True)) for row in evaluations]
    with folder.evaluations_path.open("w", newline="") as file:
        writer = csv.DictWriter(file, EVALUATION_COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return folder


def test_evaluations_are_points_by_how_was_played_and_those_that_decide_stand_out(tmp_path):
    episodes = [(step, 50 + step) for step in range(1, 40)]
    evaluations = [
        *((5, "interval", "greedy", 60.0, 2.0), (5, "interval", "sampled", 50.0, 2.0)),
        *((20, "candidate", "greedy", 70.0, 2.0), (20, "confirmation", "greedy", 80.0, 2.0)),
        (30, "final", "sampled", 90.0, 2.0),
    ]
    run = evaluated(a_run(tmp_path / "a", episodes), *evaluations)
    plot_runs([run], tmp_path / "one.svg")
    one = (tmp_path / "one.svg").read_text()
    words = [
        *("greedy evaluation and its spread", "sampled evaluation and its spread"),
        *("test whether it is solved (greedy)", "best model, played again (sampled)"),
    ]
    assert [one.count(f"<!-- {word} -->") for word in words] == [1] * 4
    plot_runs([run, a_run(tmp_path / "never evaluated", episodes), run], tmp_path / "all.svg")
    together = (tmp_path / "all.svg").read_text()
    assert [together.count(f"<!-- {policy} evaluation -->") for policy in ("greedy", "sampled")] == [1, 1]
    assert "spread" not in together


def test_an_evaluation_of_a_kind_that_this_version_does_not_know_is_left_out(tmp_path):
    run = evaluated(a_run(tmp_path / "a", [(1, 1.0)]), (5, "interval", "dreamt", 60.0, 2.0), (6, "", "greedy", "", ""))
    plot_runs([run], tmp_path / "one.svg")
    assert "evaluation" not in (tmp_path / "one.svg").read_text()


@pytest.mark.parametrize("draw", [lambda runs, path: plot_groups([("", runs)], path), plot_runs])
def test_a_run_without_an_episode_cannot_be_drawn(tmp_path, draw):
    runs = [a_run(tmp_path / "a", [(1, 1.0)]), a_run(tmp_path / "b", [])]
    with pytest.raises(RunFolderError, match="b holds no finished episode yet"):
        draw(runs, tmp_path / "mean.png")
    assert not (tmp_path / "mean.png").exists()
