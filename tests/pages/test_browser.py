"""The app in a real browser: clicks, addresses, both themes, a narrow screen."""

from __future__ import annotations

import csv
import os
import random
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import few_scenes

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = Path("/usr/bin/chromium")
PLACES = (
    *(
        "/",
        "/?q=a+dog",
        "/?q=a+dog&dense=on",
        "/image",
        "/term?term=dog",
        "/against?q=a+dog&id=test-00003",
        "/vocabulary",
        "/failures?collection=scenes",
    ),
    *("/expansion", "/collections", "/models", "/train", "/lessons?lesson=1&step=2"),
)
# Streamlit looks for itself below a page's address first, and finds itself at the root.
EXPECTED = ("/_stcore/health", "/_stcore/host-config")

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}: apt-get install chromium"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, projections: Path) -> Iterator[str]:
    """The address of the app, running on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    home = tmp_path_factory.mktemp("home")
    few_scenes(home / "collections" / "scenes")
    (home / "cache").mkdir()
    (home / "cache" / "projected").symlink_to(projections)
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port)],
            cwd=ROOT,
            env={**os.environ, "LEXISCOPE_HOME": str(home)},
            stdout=output,
            stderr=output,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 600
        while not healthy(address):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(10)


def healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1) as answer:
            return answer.status == 200
    except OSError:
        return False


# What takes processor time and shows nothing: tabs and panels around the page, made in advance.
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    "--disable-features=PreloadTopChromeWebUI,WebUITabStrip",
)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sync_api.BrowserContext]:
    """One profile for all: what a page is made of is fetched and compiled once.

    Motion is reduced, as a visitor may ask for: without a graphics card, pulsing grey boxes take a
    quarter of the browser's processor time.
    """
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=str(CHROMIUM),
            args=FLAGS,
            viewport={"width": 1280, "height": 900},
            color_scheme="light",
            reduced_motion="reduce",
        )
        running.set_default_timeout(600_000)  # a guard against hanging, not a measure
        yield running
        running.close()


@pytest.fixture
def page(server: str, browser: sync_api.BrowserContext) -> Iterator[sync_api.Page]:
    """In a tab of its own, of a browser that knows nothing of earlier visits."""
    opened = browser.new_page()
    kept = "cookies,indexeddb,local_storage,service_workers"
    session = browser.new_cdp_session(opened)
    session.send("Storage.clearDataForOrigin", {"origin": server, "storageTypes": kept})
    yield opened
    opened.close()


def wait_quiet(page: sync_api.Page) -> None:
    """Until the page has been drawn, its script rests and nothing on it is stale."""
    page.locator("h1").first.wait_for()
    page.wait_for_function(
        "() => !document.querySelector('[data-stale=true], [data-testid=stStatusWidget],'"
        "+ '[data-testid=stSkeleton]')"
        "&& document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'",
        polling=50,  # and not whenever a frame is drawn, for which every frame would be
    )


# Whether the app's background is that of a theme.
BACKGROUND_IS = """scheme => {
  const app = document.querySelector('.stApp');
  const red = app && +getComputedStyle(app).backgroundColor.match(/[0-9]+/)[0];
  return app && (scheme === 'dark' ? red < 60 : red > 220);
}"""

NOTHING_STANDS_OUT = """() => {
  const main = document.querySelector('[data-testid=stMain]');
  return main.scrollWidth <= main.clientWidth;
}"""


def test_a_pasted_address_shows_its_page_inside_the_app(server, page):
    # The first visit of all: until then Streamlit knows nothing of app.py's list of pages.
    page.goto(f"{server}/term?term=dog")
    page.get_by_role("heading", name="dog", exact=True).wait_for()
    page.get_by_text("Document frequency", exact=True).wait_for()
    sidebar = page.get_by_test_id("stSidebar")
    sidebar.get_by_text("Expansion").wait_for()


def test_search_then_image_then_term_in_one_session(server, page):
    page.goto(server)
    page.get_by_label("What should the picture show?").fill("two dogs on the beach")
    page.get_by_role("button", name="Search", exact=True).click()
    page.locator(".tile").first.wait_for()
    assert "q=two" in page.url
    page.evaluate("window.sameDocument = true")
    page.locator(".tile").first.click()
    page.get_by_role("heading", name="Why this image").wait_for()
    assert "q=two" in page.url
    assert "hit=" in page.url
    page.locator("table.why a").first.click()
    page.get_by_text("Document frequency", exact=True).wait_for()
    page.go_back()
    page.get_by_role("link", name="Open the image").click()
    page.get_by_role("heading", name="Image", exact=True).wait_for()
    page.wait_for_url("**/image?id=*")
    page.locator(".words a").first.click()
    page.get_by_text("Document frequency", exact=True).wait_for()
    page.wait_for_url("**/term?term=*")
    assert page.evaluate("window.sameDocument") is True
    page.go_back()
    page.get_by_text("Similar images").wait_for()
    page.go_back()
    page.get_by_role("heading", name="Why this image").wait_for()
    assert page.locator(".tile").count() == 24
    assert page.get_by_label("What should the picture show?").input_value() == (
        "two dogs on the beach"
    )


def test_a_similar_image_has_an_address_of_its_own(server, page):
    page.goto(f"{server}/image?id=test-00003")
    first = page.url
    page.locator(".pair .hit").first.click()
    page.wait_for_function("first => location.href !== first", arg=first)
    assert "/image?id=" in page.url


def test_a_moved_slider_is_in_the_address_and_survives_a_reload(server, page):
    page.goto(f"{server}/expansion")
    slider = page.get_by_role("slider").first
    slider.wait_for()
    wait_quiet(page)
    figures = page.locator(".lab-table tbody td")
    before = figures.all_inner_texts()
    slider.focus()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    sync_api.expect(slider).to_have_attribute("aria-valuetext", "0.80", timeout=600_000)
    page.wait_for_url("**rate=0.8*")
    page.wait_for_function(
        "before => [...document.querySelectorAll('.lab-table tbody td')]"
        ".some((one, i) => one.innerText !== before[i])",
        arg=before,
    )
    wait_quiet(page)
    after = figures.all_inner_texts()
    page.reload()
    page.get_by_role("slider").first.wait_for()
    wait_quiet(page)
    assert figures.all_inner_texts() == after
    assert page.get_by_role("slider").first.get_attribute("aria-valuetext") == "0.80"


def test_a_click_on_a_point_turns_the_knob_and_shows_what_changes(server, page):
    page.goto(f"{server}/expansion?collection=scenes&control=prune&k=20")
    point = page.locator(".js-plotly-plot .scatterlayer .trace").first.locator("path.point").nth(4)
    point.wait_for()
    wait_quiet(page)
    box = point.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url("**k=5*")
    page.get_by_text("Change of R@1").wait_for()
    wait_quiet(page)
    assert "view=flips" in page.url
    assert page.get_by_role("slider").first.get_attribute("aria-valuetext") == "5"


class Wire:
    """What goes between a page and the server; `held` keeps back what the server says."""

    def __init__(self, page: sync_api.Page) -> None:
        self.page, self.held, self.sent, self.kept = page, False, 0, []
        page.route_web_socket("**/_stcore/stream", self._connect)

    def _connect(self, route: sync_api.WebSocketRoute) -> None:
        self.route = route
        server = route.connect_to_server()
        route.on_message(lambda message: self._send(server, message))
        server.on_message(
            lambda message: self.kept.append(message) if self.held else route.send(message)
        )

    def _send(self, server: sync_api.WebSocketRoute, message: bytes) -> None:
        self.sent += 1
        server.send(message)

    def wait_sent(self, count: int) -> None:
        """Until the page has sent so many messages in all."""
        for _ in range(6_000):  # a guard against hanging, not a measure
            if self.sent >= count:
                return
            self.page.wait_for_timeout(20)
        raise AssertionError(f"The page sent {self.sent} messages, not {count}")

    def release(self) -> None:
        self.held = False
        for message in self.kept:
            self.route.send(message)
        self.kept.clear()


def test_what_is_changed_before_the_server_answers_is_kept(server, page):
    wire = Wire(page)
    page.goto(f"{server}/expansion?collection=scenes&control=prune&k=20")
    slider = page.get_by_role("slider").first
    slider.wait_for()
    wait_quiet(page)
    # The browser learns of a new address from the answer: what it sends before has the old one.
    wire.held, before = True, wire.sent
    slider.focus()
    page.keyboard.press("ArrowLeft")
    wire.wait_sent(before + 1)
    page.get_by_role("radio", name="What changes").click()
    wire.wait_sent(before + 2)
    wire.release()
    page.get_by_text("Change of R@1").wait_for()
    wait_quiet(page)
    assert "k=15" in page.url
    assert "view=flips" in page.url
    assert page.get_by_role("slider").first.get_attribute("aria-valuetext") == "15"


def test_a_text_stays_when_what_stands_below_it_is_clicked_at_once(server, page):
    wire = Wire(page)
    page.goto(f"{server}/term?term=dog&collection=scenes")
    page.get_by_role("heading", name="dog", exact=True).wait_for()
    wait_quiet(page)
    page.get_by_role("textbox", name="A term of the vocabulary").fill("beach")
    wire.held, before = True, wire.sent
    # One click: the text is sent as it loses the focus, and what was clicked right after it.
    page.evaluate(
        "() => { document.activeElement.blur();"
        "setTimeout(() => document.querySelector('summary').click(), 50); }"
    )
    wire.wait_sent(before + 2)
    wire.release()
    page.get_by_role("heading", name="beach", exact=True).wait_for()
    wait_quiet(page)
    assert "term=beach" in page.url
    assert page.get_by_role("textbox", name="A term of the vocabulary").input_value() == "beach"
    assert page.locator("details").first.get_attribute("open") is not None


def test_a_term_of_the_query_leads_to_its_page(server, page):
    page.goto(f"{server}/?q=a+dog")
    page.locator(".terms a", has_text="animal").first.click()
    page.wait_for_url("**/term?term=animal*")
    page.go_back()
    page.locator(".tile").first.wait_for()
    assert "q=a+dog" in page.url


def test_chips_and_tiles_lead_on_within_the_app(server, page):
    page.goto(f"{server}/against?q=a+dog&id=test-00003&collection=scenes")
    chip = page.locator(".chips a").first
    chip.wait_for()
    wait_quiet(page)
    page.evaluate("window.sameDocument = true")
    first, term = page.url, chip.evaluate("one => one.firstChild.textContent")
    chip.click()
    page.get_by_role("heading", name=term, exact=True).wait_for()
    assert f"term={term}" in page.url
    assert "collection=scenes" in page.url
    page.go_back()
    tile = page.locator(".tiles a").first
    assert tile.locator("img").evaluate("one => one.decode().then(() => one.naturalWidth)") > 90
    assert page.url == first
    tile.click()
    page.get_by_role("heading", name="Image", exact=True).wait_for()
    page.wait_for_url("**/image?*id=*")
    assert page.evaluate("window.sameDocument") is True


def test_a_bar_leads_to_its_term_and_back_in_one_step(server, page):
    page.goto(f"{server}/image?collection=scenes&id=test-00003")
    page.locator(".words a").first.click()
    page.wait_for_url("**/term?*")
    bar = page.locator(".bars a").first
    bar.wait_for()
    wait_quiet(page)
    first = page.url
    bar.click()
    page.wait_for_function("first => location.href !== first", arg=first)
    assert "/term?" in page.url
    assert "term=" in page.url
    wait_quiet(page)
    page.go_back()
    page.wait_for_function("first => location.href === first", arg=first)
    page.go_back()
    page.wait_for_url("**/image?*")


@pytest.mark.parametrize("direction", ["text-to-image", "image-to-text"])
def test_a_row_of_the_failures_opens_its_query(server, page, direction):
    chosen = f"collection=scenes&queries=captions&which=all&direction={direction}"
    page.goto(f"{server}/failures?{chosen}")
    table = page.get_by_role("region", name="Queries with the ranks of their answers")
    table.wait_for()
    wait_quiet(page)
    first = page.locator("h2").first.inner_text()
    # The table is drawn on a canvas: its boxes for rows are the first column, a row 35 px high.
    canvas = table.locator("canvas").first.bounding_box()
    page.mouse.click(canvas["x"] + 20, canvas["y"] + 35 * 3.5)
    page.wait_for_function("() => location.search.includes('case=')")
    wait_quiet(page)
    second = page.locator("h2").first.inner_text()
    assert second != first
    page.goto(page.url)
    wait_quiet(page)
    assert page.locator("h2").first.inner_text() == second


def test_a_group_of_failures_leaves_its_queries_in_the_list(server, page):
    page.goto(f"{server}/failures?collection=scenes&queries=captions&view=groups&by=pull")
    groups = page.get_by_role("region", name="Terms that pull with counts")
    groups.wait_for()
    wait_quiet(page)
    canvas = groups.locator("canvas").first.bounding_box()
    page.mouse.click(canvas["x"] + 20, canvas["y"] + 35 * 1.5)
    page.get_by_role("button", name="Only terms that pull").wait_for()
    wait_quiet(page)
    assert "group=" in page.url
    page.get_by_role("button", name="Only terms that pull").click()
    page.wait_for_function("() => !location.search.includes('group=')")


# What the board shows, read inside its shadow root: who ranked, for which edit, which images.
BOARD = """() => {
  const host = [...document.querySelectorAll('*')]
    .find(one => one.shadowRoot?.querySelector('.board'));
  const hits = host?.shadowRoot.querySelector('.hits');
  return hits && { order: hits.dataset.order, edit: hits.dataset.edit,
    tiles: [...hits.children].map(one => [one.dataset.id, one.querySelector('b').textContent]) };
}"""
TURN = """([which, value]) => {
  const host = [...document.querySelectorAll('*')]
    .find(one => one.shadowRoot?.querySelector('.board'));
  const slider = host.shadowRoot.querySelectorAll('input[type=range]')[which];
  slider.value = value;
  slider.dispatchEvent(new Event('input'));
  return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))));
}"""
LET_GO = """which => {
  const host = [...document.querySelectorAll('*')]
    .find(one => one.shadowRoot?.querySelector('.board'));
  host.shadowRoot.querySelectorAll('input[type=range]')[which].dispatchEvent(new Event('change'));
}"""


def test_the_browser_ranks_fifty_edits_as_the_server_does(server, page):
    page.goto(f"{server}/?collection=scenes&q=two+lions+in+the+desert")
    page.locator(".tile").first.wait_for()
    wait_quiet(page)
    source = random.Random(4)
    moved, before = 0, page.evaluate(BOARD)["tiles"]
    for _ in range(50):
        which = source.randrange(9)  # the rate, and the eight strongest terms
        value = source.randrange(0, 100) / 100 if which == 0 else source.randrange(0, 60) / 20
        page.evaluate(TURN, [which, value])
        here = page.evaluate(BOARD)
        page.evaluate(LET_GO, which)
        page.wait_for_function(f"() => ({BOARD})()?.order === 'server'", polling=50)
        there = page.evaluate(BOARD)
        assert here["tiles"] == there["tiles"]
        assert here["edit"] == there["edit"]
        moved += here["tiles"] != before
        before = there["tiles"]
    assert moved > 30
    edited = page.url
    page.goto(edited)
    page.locator(".tile").first.wait_for()
    assert page.evaluate(BOARD)["tiles"] == before
    page.get_by_role("button", name="Reset", exact=True).click()
    page.wait_for_url(f"{server}/?collection=scenes&q=two+lions+in+the+desert")


# Keeps what Streamlit draws anew from now on: it renders a stale part paler until then.
DRAWN = """() => {
  window.drawn = [];
  new MutationObserver(changes => changes.forEach(({ target }) => {
    if (target.dataset.stale === 'true')
      drawn.push(target.closest('[data-testid=stSidebar], [data-testid=stMain]').dataset.testid);
  })).observe(document.body, { subtree: true, attributeFilter: ['data-stale'] });
}"""


def test_an_edit_draws_the_answer_alone_and_what_stands_around_follows_it(server, page):
    page.goto(f"{server}/?collection=scenes&q=two+lions+in+the+desert")
    page.locator(".tile").first.wait_for()
    wait_quiet(page)
    page.evaluate(DRAWN)
    page.locator(".tile").nth(1).click()
    page.get_by_role("heading", name="Why this image").wait_for()
    page.locator(
        "summary", has_text="by expansion"
    ).click()  # the terms, where there is little room
    page.get_by_role("button", name="Mute: lion", exact=True).click()
    page.wait_for_url("**mute=lion*")
    wait_quiet(page)
    assert page.evaluate("drawn.filter(one => one.includes('stSidebar')).length") == 0
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as taken:
        page.get_by_role("button", name="CSV").click()
    rows = list(csv.DictReader(Path(taken.value.path()).read_text("utf-8").splitlines()))
    assert "desert" in {row["term"] for row in rows}
    assert "lion" not in {row["term"] for row in rows}
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Every image must activate it: desert", exact=True).click()
    page.get_by_role("button", name="Filters · 1").click()
    assert page.get_by_label("Every image activates").input_value() == "desert"


def test_keys_move_the_selection_and_open_why_and_leave_typing_alone(server, page):
    page.goto(f"{server}/?q=a+dog")
    page.locator(".tile").first.wait_for()
    wait_quiet(page)
    page.keyboard.press("j")
    page.keyboard.press("j")
    second = page.locator(".tile").nth(1).get_attribute("data-id")
    assert page.locator(".tile.chosen").get_attribute("data-id") == second
    page.keyboard.press("Enter")
    page.wait_for_url(f"**hit={second}*")
    page.keyboard.press("/")
    box = page.get_by_label("What should the picture show?")
    assert box.evaluate("one => one === document.activeElement")
    page.keyboard.type("jk?")
    assert box.input_value().endswith("jk?")
    assert page.locator("dialog[open]").count() == 0


def test_hits_that_were_opened_leave_a_key_one_step(server, page):
    page.goto(f"{server}/?q=a+dog")
    tiles = page.locator(".tile")
    tiles.first.wait_for()
    wait_quiet(page)
    page.locator(".hits").evaluate("one => { one.drawn = 'once'; }")
    ids = [tiles.nth(i).get_attribute("data-id") for i in range(5)]
    for chosen in (ids[1], ids[0], ids[2]):
        page.locator(f".tile[data-id={chosen}]").click()
        page.wait_for_url(f"**hit={chosen}*")
        wait_quiet(page)
    assert page.locator(".hits").evaluate("one => one.drawn") == "once"
    page.keyboard.press("j")
    assert page.locator(".tile.chosen").get_attribute("data-id") == ids[3]
    page.keyboard.press("k")
    assert page.locator(".tile.chosen").get_attribute("data-id") == ids[2]
    page.keyboard.press("Escape")
    page.wait_for_url(lambda place: "hit=" not in place)
    wait_quiet(page)
    page.keyboard.press("k")
    assert page.locator(".tile.chosen").get_attribute("data-id") == ids[1]


def test_a_term_that_is_pointed_at_shows_its_place(server, page):
    page.goto(f"{server}/image?collection=scenes&id=test-00003")
    shade = page.locator(".seen canvas")
    page.locator(".words li").first.hover()
    assert shade.is_hidden()  # nothing is known of its place yet
    page.get_by_role("button", name="Where in the picture?").click()
    page.locator(".words li.chosen").wait_for()
    eggs = page.locator(".words li", has_text="eggs")
    eggs.hover()  # before or after its place is known
    sync_api.expect(shade).to_have_attribute("data-term", "eggs", timeout=600_000)
    bright = shade.evaluate(
        "one => { const cells = [...one.getContext('2d').getImageData(0, 0, 8, 8).data];"
        " const dim = cells.filter((_, i) => i % 4 === 3);"
        " return dim.indexOf(Math.min(...dim)); }"
    )
    assert bright // 8 >= 4  # the eggs lie in the lower half, on the left
    assert bright % 8 < 4
    page.mouse.move(5, 5)
    assert shade.get_attribute("data-term") != "eggs"
    eggs.get_by_role("button").press("Enter")
    page.locator(".words li.chosen", has_text="eggs").wait_for()  # the list is drawn anew
    assert eggs.get_by_role("button").evaluate("one => one === one.getRootNode().activeElement")


def test_a_wordpiece_is_shown_letter_by_letter(server, page):
    page.goto(f"{server}/term?term=%23%23s")
    page.get_by_role("heading", name="##s", exact=True).wait_for()


def test_a_training_run_survives_a_reload_and_can_be_stopped(server, page):
    page.goto(f"{server}/train?name=browsed")
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url("**run=browsed*")
    # Streamlit's own header has a button of that name while a script runs.
    stop = page.get_by_test_id("stMainBlockContainer").get_by_role(
        "button", name="Stop", exact=True
    )
    stop.wait_for()
    page.reload()
    stop.click()
    page.get_by_text("Stopped.").first.wait_for()
    page.get_by_role("button", name="Discard", exact=True).click()
    page.get_by_role("button", name="Discard for good").click()
    page.get_by_text("No run yet").wait_for()


def test_every_page_is_free_of_console_errors_and_does_not_scroll_sideways(server, page):
    """Wide and light, narrow and dark; each is loaded as one of them and turned into the other."""
    problems: list[str] = []
    page.on(
        "console",
        lambda message: (
            problems.append(f"{message.text} {message.location['url']}")
            if message.type == "error" and not message.location["url"].endswith(EXPECTED)
            else None
        ),
    )
    page.on("pageerror", lambda error: problems.append(str(error)))
    looks = [("light", 1280), ("dark", 420)]
    for place in PLACES:
        for turn, (scheme, width) in enumerate(looks):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            if turn == 0:
                page.goto(server + place)
            page.wait_for_function(BACKGROUND_IS, arg=scheme)
            wait_quiet(page)
            page.wait_for_function(NOTHING_STANDS_OUT)
        looks.reverse()
    assert problems == []


def test_a_number_in_a_lesson_is_touched_and_everything_follows_in_the_browser(server, page):
    page.goto(f"{server}/lessons?lesson=1&step=3")
    wait_quiet(page)
    number, active = page.locator(".live .touch"), page.locator(".live p b")
    before = int(active.first.inner_text())
    assert active.last.inner_text() == str(before)  # what the model itself has
    bars = page.locator(".live li.off").count()
    number.press("ArrowRight")
    assert (number.inner_text(), page.locator(".live output").inner_text()) == ("+0.10", "0.10")
    assert int(active.first.inner_text()) > before
    for _ in range(15):
        number.press("ArrowLeft")
    assert int(active.first.inner_text()) < before == int(active.last.inner_text())
    assert page.locator(".live li.off").count() > bars
    page.locator(".live input[type=range]").fill("0.5")
    assert number.inner_text() == "+0.50"


def test_back_leads_to_the_step_before_and_no_prediction_is_lost(server, page):
    page.goto(f"{server}/lessons?lesson=1&step=3")
    page.get_by_role("button", name="it halves").click()
    page.wait_for_url("**1c=half*")
    page.get_by_role("button", name="Next lesson").click()
    page.wait_for_url("**lesson=2*")
    page.get_by_role("heading", name="2 ·").wait_for()
    wait_quiet(page)
    page.go_back()
    page.get_by_role("heading", name="1 ·").wait_for()
    page.get_by_text("You predicted it halves").wait_for()
    page.go_back()  # to the address of before the prediction
    page.wait_for_function("() => location.search.includes('1c=half')")
    wait_quiet(page)
    assert page.get_by_text("You predicted it halves").is_visible()
    page.get_by_role("button", name="Predict again").click()
    page.get_by_role("button", name="it halves").wait_for()
    assert "1c=" not in page.url


def test_a_click_on_a_picture_answers_the_riddle(server, page):
    page.goto(f"{server}/lessons?lesson=3")
    page.get_by_role("button", name="Predict picture C").click()
    page.wait_for_url("**3a=c*")
    page.get_by_text("You predicted C").wait_for()
