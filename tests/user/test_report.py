"""`a3c report`: the page, read as text, and opened and clicked through in a browser where there is one."""

import json
import re
import shutil

import pytest
from run_folders import write_run

EVIL = "</script><script>document.title='stolen'</script><img src=x onerror=alert(1)>"


@pytest.fixture
def pages(command, tmp_path):
    """A page of one run, and one of two groups of runs, with a name that would like to be HTML."""
    evil = {"environment": EVIL, "remarks": [EVIL], "error": EVIL}
    one = write_run(tmp_path / "one", evaluations=3, summary=evil)
    one.events_path.write_text(f'step,seconds,worker,event,what\n100,1.0,0,replaced,"{EVIL}, and more"\n')
    (one.path / "film.gif").write_bytes(b"GIF89a")
    for name, level in (("a", 50.0), ("b", 95.0)):
        for seed in (1, 2, 3):
            write_run(tmp_path / name / f"seed-{seed}", level=level + seed, seed=seed, learning_rate=level / 1e4)
    assert command("report", "one", "-o", "one.html") == (0, "one.html\n", "")
    assert command("report", "a", "b", "-o", "both.html") == (0, "both.html\n", "")
    return tmp_path


def data_of(page):
    return json.loads(re.search('<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_all_is_in_the_page_and_nothing_is_loaded(pages):
    page = (pages / "one.html").read_text()
    assert page.count("<script") == 3
    assert EVIL not in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") >= 4
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "script-src 'sha256-" in page
    assert "data:image/gif;base64,R0lGODlh" in page
    assert "Permission is hereby granted" in page
    data = data_of(page)
    assert data["targets"] == [90]
    returns, entropy = data["charts"]
    assert returns["lines"][0]["steps"][-1] == 4000
    assert len(returns["points"][0]["values"]) == 3
    assert entropy["lines"][0]["values"][-1] == 1


def test_several_runs_are_laid_over_each_other_and_compared(pages):
    page = (pages / "both.html").read_text()
    data = data_of(page)
    assert [group["name"] for group in data["groups"]] == ["learning_rate 0.005", "learning_rate 0.0095"]
    assert [len(data["charts"][0][name]) for name in ("lines", "bands")] == [6, 2]
    assert data["charts"][0]["bands"][1]["steps"]["median"][-1] == pytest.approx(97 * 0.5125, rel=1e-4)
    assert "3 seeds each can&#x27;t tell learning_rate 0.0095" in page
    assert page.count("seed-") >= 6


def chromium(playwright):
    """A browser: Playwright's own, or one that is installed."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    try:
        return playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
    except Exception as error:
        pytest.skip(f"no browser: {str(error).splitlines()[0]}")


def test_a_browser_shows_it_zooms_and_runs_no_script_of_others(pages):
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    with sync_api.sync_playwright() as playwright:
        browser = chromium(playwright)
        wrong = []
        for name, scheme in (("one", "dark"), ("both", "light")):
            page = browser.new_page(color_scheme=scheme, viewport={"width": 1000, "height": 900})
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
            page.on(
                "request", lambda request: None if request.url[:5] in ("file:", "data:") else wrong.append(request.url)
            )
            page.goto((pages / f"{name}.html").as_uri())
            page.wait_for_selector("html[data-ready]", state="attached")
            assert page.locator("canvas").count() == 2
            assert page.title() != "stolen"
            assert page.locator("img[onerror]").count() == 0
            plot = page.locator(".main .u-over").bounding_box()
            middle = plot["y"] + plot["height"] / 2
            page.mouse.move(plot["x"] + plot["width"] / 2, middle)
            assert re.search(r"\d,\d{3} steps", page.locator(".main .readout").inner_text())
            page.mouse.down()
            page.mouse.move(plot["x"] + plot["width"] * 3 / 4, middle, steps=3)
            page.mouse.up()
            whole = page.get_by_role("button", name="whole range")
            assert whole.is_visible()
            whole.click()
            assert whole.is_hidden()
            page.get_by_role("button", name="seconds").click()
            page.mouse.move(plot["x"] + plot["width"] / 2, middle)
            assert re.search(r"[\d.]+ s\b", page.locator(".main .readout").inner_text())
        group = page.get_by_role("button", name="learning_rate 0.0095")
        group.click()
        assert group.get_attribute("aria-pressed") == "false"
        page.get_by_text("all settings").click()
        assert page.get_by_text("entropy_coefficient").last.is_visible()
        browser.close()
        assert [what for what in wrong if not what.startswith(("file:", "data:"))] == []
