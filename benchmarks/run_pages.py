"""The pictures of docs/runs.md: A3C and IMPALA on CartPole-v1 with five seeds each, drawn by a3c plot, and the page
that a3c report makes of them, as a browser shows it. Takes five minutes on two cores; needs Playwright and a browser.

.venv/bin/python benchmarks/run_pages.py          (or, with runs that are there, run_pages.py FOLDER)
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

A3C = Path(sys.executable).with_name("a3c")
DOCS = Path(__file__).parents[1] / "docs"
SETTINGS = ["--recipe", "none", "--steps", "120_000", "--no-stop-when-solved", "--evaluate-every", "10_000"]


def main(folder: Path) -> None:
    """Trains where nothing is there yet, and draws."""
    for algorithm in ("a3c", "impala"):
        run = folder / algorithm
        if not run.exists():
            flags = ["--algorithm", algorithm, "--workers", "2", "--repeats", "5", "--run", run]
            a3c("train", "CartPole-v1", *SETTINGS, *flags, "--no-progress")
    runs = [folder / "a3c", folder / "impala"]
    a3c("plot", *runs, "-o", DOCS / "runs_plot.png")
    a3c("report", *runs, "-o", folder / "report.html")
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            page = browser.new_page(color_scheme=scheme, viewport={"width": 1100, "height": 960})
            page.goto((folder / "report.html").as_uri())
            page.wait_for_selector("html[data-ready]", state="attached")
            page.screenshot(path=DOCS / f"runs_report_{scheme}.png")
        browser.close()


def a3c(*arguments: object) -> None:
    """Runs the command; its failure ends this script."""
    subprocess.run([A3C, *map(str, arguments)], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="a3c-")))
