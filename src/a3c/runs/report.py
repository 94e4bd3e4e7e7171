"""A report of runs: one page for a browser that needs nothing else, no server and no network.

In use:

    write_report(grouped(open_runs(paths)), Path("report.html"))

All that comes from runs is text to the page: whatever an environment is called, none of it is taken for HTML. The page
itself forbids its browser to load anything, and to run any script but the two that are in it (Content-Security-Policy).
"""

import base64
import csv
import hashlib
import html
import json
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any

from a3c.errors import A3CError
from a3c.machine import versions
from a3c.runs.comparison import compare
from a3c.runs.files import write_atomically
from a3c.runs.groups import NAMED_BY, Group
from a3c.runs.listing import ListedRun, defaults_of, spelled_value
from a3c.runs.metrics import EVALUATION_COLUMNS, read_rows
from a3c.runs.report_curves import page_data

PAGE = resources.files("a3c.runs") / "page"
FILMS = {".mp4": "video/mp4", ".webm": "video/webm", ".gif": "image/gif"}
LARGEST_FILM, MOST_FILMS = 30_000_000, 4
"""Bytes of a film that the page takes in, and films."""
MOST_ROWS = 200
"""Of a table of evaluations or events."""


class Html(str):
    """Text that is HTML already; any other is escaped where it is put into the page."""

    __slots__ = ()


def write_report(groups: Sequence[Group], path: Path) -> Path:
    """Writes the page about these groups of runs. Raises RunFolderError and DiskError."""
    write_atomically(path, report(groups).encode())
    return path


def report(groups: Sequence[Group]) -> str:
    """The page."""
    runs = [run for group in groups for run in group.runs]
    # In a script nothing is escaped: no < in it, no end of it.
    data = json.dumps(page_data(groups), allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    scripts = [f"/*!\n{_file('uPlot.LICENSE')}\n*/\n{_file('uPlot.iife.min.js')}", _file("page.js")]
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in scripts)
    rules = f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; media-src data:"
    title = _title(runs)
    sections = (
        _tiles(runs[0]) if len(runs) == 1 else "",
        Html(CURVES),
        _comparison(groups) if len(groups) > 1 else "",
        _runs(groups) if len(runs) > 1 else "",
        _films(runs),
        _evaluations(runs[0]) if len(runs) == 1 else "",
        _settings(groups),
        _remarks(runs),
        _facts(runs),
    )
    said = f"{len(runs)} runs in {len(groups)} group{'s' if len(groups) > 1 else ''}" if len(runs) > 1 else runs[0].path
    return "".join(
        (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{rules}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n<link rel="icon" href="data:,">\n',
            f"<title>{html.escape(title)}</title>\n",
            f"<style>{_file('uPlot.min.css')}\n{_file('page.css')}</style>\n</head>\n<body>\n<main>\n",
            f'<h1>{html.escape(title)}</h1>\n<p class="quiet">{html.escape(str(said))}</p>\n',
            *sections,
            f"<footer>Written by a3c {versions()['a3c']} on {time.strftime('%Y-%m-%d at %H:%M')}. ",
            "Curves are drawn by uPlot, which is under the MIT licence.</footer>\n</main>\n",
            f'<script type="application/json" id="data">{data}</script>\n',
            *(f"<script>{script}</script>\n" for script in scripts),
            "</body>\n</html>\n",
        )
    )


CURVES = """<section>
<div class="bar"><h2>Learning curves</h2><span class="choice">
<button type="button" data-axis="steps" aria-pressed="true">steps</button
><button type="button" data-axis="seconds" aria-pressed="false">seconds</button></span>
<button type="button" id="whole" hidden>whole range</button><span class="space"></span>
<span class="key">drag to zoom, double-click for all</span></div>
<div class="legend" id="legend"></div><div id="first"></div><div class="charts" id="others"></div>
<noscript>The curves are drawn by a script, which this browser does not run.</noscript>
</section>
"""


def _file(name: str) -> str:
    return (PAGE / name).read_text(encoding="utf-8").strip()


def _title(runs: list[ListedRun]) -> str:
    algorithms = dict.fromkeys(str(run.get("algorithm")).rpartition(":")[2].upper() for run in runs)
    environments = dict.fromkeys(str(run.get("environment")) for run in runs)
    return f"{', '.join(algorithms)} on {', '.join(environments)}"


def _section(title: str, *content: Html, classes: str = "") -> Html:
    return Html(f'<section class="{classes}">\n<h2>{_html(title)}</h2>\n{"".join(content)}</section>\n')


def _html(value: Any) -> Html:
    return value if isinstance(value, Html) else Html(html.escape(str(value)))


def _table(titles: Sequence[Any], rows: Iterable[Sequence[Any]], numbers: Sequence[int] = ()) -> Html:
    """A table; the columns of these numbers are aligned to the right."""

    def row(tag: str, cells: Sequence[Any]) -> str:
        classes = ['class="number"' if place in numbers else "" for place in range(len(cells))]
        return "".join(f"<{tag} {of}>{_html(cell)}</{tag}>" for cell, of in zip(cells, classes, strict=True))

    body = "".join(f"<tr>{row('td', cells)}</tr>\n" for cells in rows)
    head = f"<thead><tr>{row('th', titles)}</tr></thead>\n" if titles else ""
    return Html(f'<div class="scroll"><table>{head}<tbody>\n{body}</tbody></table></div>\n')


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _seconds(value: float | None) -> str:
    if value is None:
        return "-"
    hours, rest = divmod(round(value), 3600)
    return f"{value:,.1f} s" if value < 60 else f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else _minutes(rest)


def _minutes(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02} min"


def _status(run: ListedRun) -> Html:
    return Html(f'<span class="status {html.escape(run.status)}">{html.escape(run.status)}</span>')


def _tiles(run: ListedRun) -> Html:
    """Of one run: how it ended, and what it reached."""
    figure, solved = run.summary.get("best_evaluation"), run.summary.get("solved_at_step")
    target = run.get("target_return")
    tiles: list[tuple[str, Any, str]] = [("status", _status(run), f"seed {run.get('seed')}")]
    if figure:
        more = f"± {figure.get('std', 0):.1f} over {figure.get('episodes', 0)} episodes, {figure.get('policy', '')}"
        tiles.append(("evaluated", f"{figure['mean']:,.1f}", more))
    best = run.summary.get("best_return_mean_100")
    tiles.append(
        (
            "last 100 episodes",
            _number(run.summary.get("return_mean_100"), ",.1f"),
            "" if best is None else f"at best {best:,.1f}",
        )
    )
    if target is not None:
        second = run.summary.get("solved_at_second")
        reached = "not reached" if solved is None else f"{solved:,}"
        tiles.append((f"target {target:g}", reached, "" if solved is None else f"steps, after {_seconds(second)}"))
    tiles.append(
        (
            "steps",
            _number(run.get("steps"), ",.0f"),
            f"{_number(run.summary.get('episodes'), ',.0f')} episodes",
        )
    )
    rate = run.summary.get("steps_per_second")
    tiles.append(
        ("time", _seconds(run.summary.get("wall_seconds")), "" if rate is None else f"{rate:,.0f} steps a second")
    )
    made = "".join(
        f'<div class="tile"><div class="name">{_html(name)}</div><div class="value">{_html(value)}</div>'
        f'<div class="more">{_html(more)}</div></div>\n'
        for name, value, more in tiles
    )
    return Html(f'<div class="tiles">\n{made}</div>\n')


def _dot(group: int) -> Html:
    return Html(f'<span class="dot" data-group="{group}"></span>')


def _runs(groups: Sequence[Group]) -> Html:
    """Of several runs: how each ended, and what it reached."""
    titles = ("run", "group", "seed", "status", "steps", "episodes", "last 100", "evaluated", "solved at", "time")
    rows = []
    for number, group in enumerate(groups):
        for run in group.runs:
            solved = run.summary.get("solved_at_step")
            rows.append(
                (
                    Html(f'<span class="whole">{_dot(number)}{_html(run.path)}</span>'),
                    group.name,
                    spelled_value(run.get("seed")),
                    _status(run),
                    *(_number(run.summary.get(name), ",.0f") for name in ("steps", "episodes")),
                    *(_number(value, ",.1f") for value in (run.summary.get("return_mean_100"), run.evaluated)),
                    _number(solved, ",.0f"),
                    _seconds(run.summary.get("wall_seconds")),
                )
            )
    return _section("Runs", _table(titles, rows, numbers=(2, *range(4, 10))), classes="long")


def _comparison(groups: Sequence[Group]) -> Html:
    """What differs between groups, and whether that is more than chance."""
    try:
        comparison = compare(groups)
    except A3CError as error:
        return _section("Comparison", Html(f"<p>{_html(str(error))}</p>"))
    lines = [verdict.sentence for verdict in comparison.verdicts] + comparison.remarks
    said = Html("".join(f"<p>{_html(line[:1].upper() + line[1:])}.</p>\n" for line in lines))
    named = [Html(f"{_dot(number)}{_html(group.name)}") for number, group in enumerate(comparison.groups)]
    numbers = range(1, len(named) + 1)
    reached = _table(["what they reached", *named], comparison.results(), numbers)
    settings = [[Html(f"<code>{_html(name)}</code>"), *values] for name, values in comparison.settings.items()]
    differ = _table(["settings that differ", *named], settings, numbers) if settings else Html("")
    return _section("Comparison", said, reached, Html('<div class="gap"></div>'), differ)


def _settings(groups: Sequence[Group]) -> Html:
    """Those that are not as they are by default first, then all."""
    every = [run.settings for group in groups for run in group.runs]
    defaults = {name: value for one in reversed(every) for name, value in defaults_of(one).items()}
    names = dict.fromkeys((*NAMED_BY, *(name for one in every for name in one)))
    changed = [name for name in names if any(one.get(name) != defaults_of(one).get(name) for one in every)]
    titles = ["setting", *([group.name for group in groups] if len(groups) > 1 else ["value"])]
    rows = {name: [Html(f"<code>{_html(name)}</code>"), *(group.spelled(name) for group in groups)] for name in names}
    first = [[*rows[name], spelled_value(defaults[name]) if name in defaults else "-"] for name in changed]
    return _section(
        "Settings that are not as they are by default",
        _table([*titles, "by default"], first),
        Html("<details><summary>all settings</summary>\n"),
        _table(titles, rows.values()),
        Html("</details>\n"),
        classes="long",
    )


def _evaluations(run: ListedRun) -> Html:
    names = ("step", "seconds", "purpose", "policy", "mean", "std", "min", "max", "episodes")
    columns = (*EVALUATION_COLUMNS[:3], *names[2:])
    found = [dict(zip(columns, row, strict=True)) for row in read_rows(run.folder.evaluations_path, columns)]
    if not found:
        return Html("")
    rows = [[_cell(name, row[name]) for name in names] for row in found[-MOST_ROWS:]]
    return _section("Evaluations", _shown(found), _table(names, rows, (0, 1, *range(4, 9))), classes="long")


def _cell(name: str, text: str) -> str:
    if name in ("purpose", "policy") or not text:
        return text
    return f"{float(text):,.0f}" if name in ("step", "episodes") else f"{float(text):,.1f}"


def _shown(rows: Sequence[Any]) -> Html:
    """Says so where not all are."""
    more = f'<p class="quiet">the last {MOST_ROWS} of {len(rows):,}</p>' if len(rows) > MOST_ROWS else ""
    return Html(more)


def _remarks(runs: list[ListedRun]) -> Html:
    """What was said of runs, what befell them, and why they failed."""
    lines, events = [], []
    for run in runs:
        name = f"{run.path.name}: " if len(runs) > 1 else ""
        said = [run.summary.get("error"), run.summary.get("stop_reason"), *_texts(run.summary.get("remarks"))]
        lines += [f"{name}{line}" for line in said if line]
        events += [[run.path.name, *row] for row in _events(run)]
    parts = []
    if lines:
        items = "".join(f"<li>{_html(line)}</li>\n" for line in lines)
        parts.append(_section("Remarks", Html(f"<ul>\n{items}</ul>\n")))
    if events:
        titles = ("run", "step", "seconds", "worker", "event", "what")
        skip = len(runs) == 1
        rows = [row[skip:] for row in events[-MOST_ROWS:]]
        parts.append(_section("Events", _shown(events), _table(titles[skip:], rows), classes="long"))
    return Html("".join(parts))


def _texts(value: Any) -> list[str]:
    return [_plain(one) for one in value] if isinstance(value, list) else []


def _plain(line: Any) -> str:
    """A line that names settings, without the backticks around them."""
    return str(line).replace("`", "")


def _events(run: ListedRun) -> list[list[str]]:
    with suppress(OSError, csv.Error):
        text = run.folder.events_path.read_text(encoding="utf-8", errors="replace")
        return [
            [row.get(name) or "" for name in ("step", "seconds", "worker", "event", "what")]
            for row in csv.DictReader(text.splitlines())
        ]
    return []


def _facts(runs: list[ListedRun]) -> Html:
    """Environment, machine and versions, each thing once where all runs agree."""
    machines = [run.summary.get("machine") for run in runs]
    versions = [run.summary.get("versions") for run in runs]
    # Of many runs it takes a while to read the checkpoint of each.
    first = list({run.get("environment"): run for run in reversed(runs)}.values())[::-1]
    facts = {
        "environment": [run.get("environment") for run in runs],
        "observations": [_space(run, "observation") for run in first],
        "actions": [_space(run, "action") for run in first],
        "steps of an episode at most": [run.settings.get("max_episode_steps") for run in runs],
        "arguments of the environment": [spelled_value(run.settings.get("env_kwargs") or {}) for run in runs],
        "workers": [run.get("workers") for run in runs],
        **_parts(machines, ("system", "processor", "cores")),
        **_parts(versions, sorted({name for one in versions if isinstance(one, dict) for name in one})),
        "one seed, one result": [_reproducible(run) for run in runs],
    }
    rows = []
    for name, values in facts.items():
        said = [value for value in dict.fromkeys(map(str, values)) if value not in ("None", "none", "")]
        if said:
            rows.append((name, "; ".join(said)))
    return _section("Environment and machine", _table((), rows))


def _parts(found: list[Any], names: Iterable[str]) -> dict[str, list[Any]]:
    return {name: [one.get(name) for one in found if isinstance(one, dict)] for name in names}


def _reproducible(run: ListedRun) -> str:
    if "reproducible" not in run.summary:
        return ""
    return "yes" if run.summary["reproducible"] else f"no: {_plain(run.summary.get('reproducible_why_not'))}"


def _space(run: ListedRun, kind: str) -> str:
    """A space as checkpoints describe it, in words."""
    with suppress(A3CError, OSError, KeyError, TypeError):
        return _described(run.folder.load("latest").spaces[kind])
    return ""


def _described(space: dict[str, Any]) -> str:
    parts = space.get("parts")
    if isinstance(parts, dict):
        return ", ".join(f"{key}: {_described(inner)}" for key, inner in parts.items())
    if parts is not None:
        return ", ".join(map(_described, parts))
    if "n" in space:
        return f"{space['kind']}, {space['n']} choices"
    if "nvec" in space:
        return f"{space['kind']}, {spelled_value(space['nvec'])} choices"
    return f"{space['kind']}, {'x'.join(map(str, space['shape'])) or '1'}, {space.get('dtype', '')}"


def _films(runs: list[ListedRun]) -> Html:
    """The newest film in each run's folder."""
    figures = []
    for run in runs:
        found = [
            path for folder in (run.path, run.path / "videos") for path in folder.glob("*") if path.suffix in FILMS
        ]
        if not found or len(figures) == MOST_FILMS:
            continue
        film = max(found, key=lambda path: path.stat().st_mtime)
        if film.stat().st_size > LARGEST_FILM:
            figures.append(f"<p>{_html(film)} is too large for this page.</p>\n")
            continue
        kind = FILMS[film.suffix]
        source = f"data:{kind};base64,{base64.b64encode(film.read_bytes()).decode()}"
        shown = (
            f'<img src="{source}" alt="{_html(film.name)}">'
            if kind.startswith("image")
            else f'<video src="{source}" controls loop muted playsinline preload="auto"></video>'
        )
        figures.append(f"<figure>{shown}<figcaption>{_html(film)}</figcaption></figure>\n")
    return _section("Films", Html(f'<div class="films">\n{"".join(figures)}</div>\n')) if figures else Html("")
