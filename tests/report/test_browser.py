"""The page in a real browser: charts are drawn, and no script of a document runs, whatever is opened or pressed."""

from __future__ import annotations

import json
import shutil

import pytest

from curate.cli import reporting
from curate.report.facts import Run
from tests.engine.corpus import recipe_text, run
from tests.report import hostile

playwright = pytest.importorskip("playwright.sync_api")
pytest.importorskip("plotly")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
STAGES = """
  - normalize
  - exact_dedup
  - gopher_quality: {min_words: 2, min_alpha_words: null, min_stop_words: null, min_mean_word_length: null}
  - drop: {column: score, below: 0.2, as: low}
  - minhash_dedup: {threshold: 0.5}
"""


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    if BROWSER is None:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as drivers:
        found = drivers.chromium.launch(executable_path=BROWSER, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """The page of a run over hostile documents."""
    root = tmp_path_factory.mktemp("browser")
    hostile.write(root / "in")
    run(recipe_text(root / "in", root / "out", STAGES))
    reporting.write_page(Run(root / "out"), root / "out/report.html")
    return root / "out/report.html"


@pytest.fixture
def opened(browser, path):
    """The page, opened, with what it asked for and what went wrong."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    asked, wrong = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("dialog", lambda dialog: (wrong.append("a dialog"), dialog.dismiss()))
    page.goto(path.as_uri())
    yield page, asked, wrong
    context.close()


def wait(page, condition):
    """Until a condition holds; not by the browser, which evaluates no strings here."""
    for _ in range(200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise TimeoutError(condition)


def look_at_all(page):
    """Open all that can be opened, and see every part of the page."""
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
    for chart in page.query_selector_all(".chart"):
        chart.scroll_into_view_if_needed()
    wait(page, "[...document.querySelectorAll('.chart')].every((one) => one.querySelector('svg'))")


def test_no_script_of_a_document_runs(opened, path):
    page, asked, wrong = opened
    look_at_all(page)
    page.emulate_media(color_scheme="dark")
    page.emulate_media(media="print")
    page.pdf(path=path.with_suffix(".pdf"))
    page.emulate_media(media="screen")
    for place in page.query_selector_all(".chart")[:3]:
        place.hover()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate(f"window.{hostile.MARK}") is None
    assert wrong == []
    assert [one for one in asked if not one.startswith(("blob:", "data:"))] == [path.as_uri()]
    assert page.evaluate("document.querySelectorAll('iframe, object, embed, base, form, img, link').length") == 0
    assert page.evaluate("document.querySelectorAll('.chart a').length") == 0
    hrefs = page.evaluate("[...document.querySelectorAll('a')].map((one) => one.getAttribute('href'))")
    assert all(href.startswith("#") for href in hrefs)
    handlers = "[...document.querySelectorAll('*')].some((e) => [...e.attributes].some((a) => a.name.startsWith('on')))"
    assert page.evaluate(handlers) is False


def test_the_policy_stops_scripts_that_get_in(opened):
    page, _, wrong = opened
    answered = []
    page.on("response", lambda response: answered.append(response.url))
    page.evaluate(
        "(mark) => { document.querySelector('main').insertAdjacentHTML('beforeend',"
        " `<img src=x onerror='window.${mark} = 1'><img src='http://127.0.0.1:9/x.png'>`);"
        " const script = document.createElement('script'); script.textContent = `window.${mark} = 1`;"
        " document.body.append(script); }",
        hostile.MARK,
    )
    page.wait_for_timeout(300)
    assert page.evaluate(f"window.{hostile.MARK}") is None
    assert any("Content Security Policy" in text for text in wrong)
    assert any("http://127.0.0.1:9/x.png" in text and "has been blocked" in text for text in wrong)
    assert answered == []


def test_texts_are_shown_as_they_are(opened):
    page, _, _ = opened
    shown = " ".join(page.inner_text("body").split())
    look_at_all(page)
    shown = " ".join(page.inner_text("body").split())
    for text in (hostile.TEXTS[1], hostile.TEXTS[3], hostile.TEXTS[10]):
        assert " ".join(text.split())[:80] in shown
    assert "\\u202eoverride" in shown
    assert "more characters" in shown


def test_charts_say_what_the_figures_say(opened):
    page, _, _ = opened
    look_at_all(page)
    figures = json.loads(page.inner_text("#figures") or page.evaluate("document.getElementById('figures').textContent"))
    bars = page.evaluate("[...document.querySelectorAll('.chart')].map((one) => [one.dataset.figure, one.data.length])")
    assert {name: len(figure["data"]) for name, figure in figures.items()} == dict(bars)
    colours = "getComputedStyle(document.querySelector('.chart .bars path')).fill"
    light = page.evaluate(colours)
    page.emulate_media(color_scheme="dark")
    wait(page, f"{colours} !== '{light}'")


def test_it_fits_on_a_narrow_screen_and_can_be_walked_by_keys(browser, path):
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(path.as_uri())
    look_at_all(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.evaluate("scrollTo(0, 0)")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the numbers"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#funnel"
    context.close()
