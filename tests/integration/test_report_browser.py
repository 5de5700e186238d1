"""The page in a real browser, opened from the disk: what it shows, what a reader can do, and that nothing
that a model wrote is run.

Screenshots lie in outputs/screenshots/ afterwards, for people to look at.
"""

from pathlib import Path

import pytest
from browsed import opened_at
from builders import CHECKOUT
from reported import HOSTILE

from llmrec.commands import report

SHOTS = CHECKOUT / "outputs" / "screenshots"
pytestmark = pytest.mark.integration
# Titles and ids that stand out of what they are in, or over one another.
INSIDE = """() => [...document.querySelectorAll('#sample li, #sample dd')].flatMap((one) => {
  const within = one.getBoundingClientRect();
  const titles = [...one.querySelectorAll(':scope > .item > bdi')];
  const parts = titles.flatMap((part) => [...part.getClientRects()]);
  const out = parts.some((part) => part.left < within.left - 1 || part.right > within.right + 1);
  const over = parts.some((a, at) => parts.slice(at + 1).some((b) =>
    a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 4 && b.top < a.bottom - 4));
  return out || over ? [one.textContent] : [];
})"""


@pytest.fixture(scope="module")
def address(folders, tmp_path_factory) -> str:
    out = tmp_path_factory.mktemp("page") / "report.html"
    assert report.main([*map(str, folders), "--out", str(out)]) == 0
    return out.as_uri()


@pytest.fixture
def page(browser, address):
    """The page, opened; nothing may have been asked for by the end."""
    with opened_at(browser, address) as (page, asked):
        yield page
    assert set(asked) == {address}


def first_column(page):
    return page.locator("table.sorts").first.locator("tbody th").all_inner_texts()


def where(page):
    """The address as the page has it; the driver's own copy of it lags."""
    return page.evaluate("location.href")


def test_a_column_sorts_by_click_and_by_keyboard(page):
    head = page.locator("table.sorts").first.locator("th", has_text="ndcg@10")
    before = first_column(page)
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    values = (
        page.locator("table.sorts")
        .first.locator("tbody tr")
        .evaluate_all(
            "(rows, at) => rows.map((row) => Number(row.cells[at].dataset.key))",
            head.evaluate("(head) => head.cellIndex"),
        )
    )
    assert values == sorted(values, reverse=True)
    assert sorted(first_column(page)) == sorted(before)
    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    model = page.locator("table.sorts").first.locator("th", has_text="model").locator("button")
    model.press("Space")
    assert first_column(page) == sorted(before, key=str.lower)
    assert head.get_attribute("aria-sort") == "none"


def test_models_are_filtered_by_name(page):
    page.locator(".filter input").first.fill("POPU")
    rows = page.locator("table.sorts").first.locator("tbody tr:visible")
    assert rows.count() == 1
    assert "popularity" in rows.inner_text()


def test_a_sample_is_opened_by_click_and_left_by_arrow_keys(page):
    page.locator("#list button").nth(2).click()
    assert "3 of" in page.locator("#sample .turn-page").inner_text()
    address = where(page)
    assert "#sample/" in address
    page.keyboard.press("ArrowDown")
    assert "4 of" in page.locator("#sample .turn-page").inner_text()
    page.keyboard.press("ArrowLeft")
    assert where(page) == address
    page.locator("#list button").nth(5).focus()
    page.keyboard.press("Enter")
    assert "6 of" in page.locator("#sample .turn-page").inner_text()
    modules = page.locator("#sample .part").evaluate_all("(parts) => parts.map((part) => part.className)")
    assert {"part task", "part input", "part behavior", "part format"} >= set(modules) > {"part task"}


def test_an_address_leads_back_to_its_sample(browser, page):
    page.locator("#list button").nth(4).click()
    told = page.locator("#sample dl").first.inner_text()
    again = browser.new_page()
    again.goto(where(page))
    again.wait_for_timeout(100)  # nothing that follows may lead elsewhere
    assert again.locator("#sample dl").first.inner_text() == told
    again.close()


def test_samples_are_filtered_by_run_outcome_user_and_text(page):
    status = page.locator("#status")
    every = status.inner_text()
    page.select_option("#by-run", label="popularity")
    assert status.inner_text() == "30 of 30 answers"
    page.locator("#clear").click()
    assert status.inner_text() == every
    page.select_option("#by-outcome", value="failed")
    kinds = page.locator("#list button > span:last-child").all_inner_texts()
    assert kinds
    assert "valid" not in kinds
    page.select_option("#by-outcome", value="")
    user = page.locator("#list button > span:nth-child(3)").first.inner_text()
    page.locator("#by-user").fill(user)
    assert set(page.locator("#list button > span:nth-child(3)").all_inner_texts()) == {user}
    page.locator("#by-user").fill("")
    page.locator("#by-text").fill("HACKED = 2")
    page.wait_for_function("(text) => document.getElementById('status').textContent !== text", arg=every)
    assert "window.hacked = 2" in page.locator("#sample .said").inner_text()


def test_two_runs_show_the_rows_that_changed_the_most_first(page):
    page.select_option("#by-one", label="popularity")
    closed = page.locator("#by-other option:disabled").all_inner_texts()
    assert "text_blind" in closed
    assert "popularity" in closed
    page.select_option("#by-other", label="last_item")
    assert "rows that changed" in page.locator("#status").inner_text()
    changes = page.locator("#list button > span:nth-child(2)").all_inner_texts()
    assert changes
    assert set(changes) <= {"0 → 1", "1 → 0"}
    page.locator("#list button").first.click()
    assert page.locator("#sample .sides").first.locator("h3").all_inner_texts() == ["popularity", "last_item"]
    assert "#changed/" in where(page)


def test_the_table_of_prompts_leads_to_the_rows_that_changed(page):
    page.locator("#modules details summary").click()
    page.locator("#modules a[href^='#changed/']").click()
    assert "rows that changed" in page.locator("#status").inner_text()


def test_items_are_shown_by_title_beside_their_ids_and_found_by_either(page):
    page.select_option("#by-run", label="popularity")
    first = page.locator("#sample .candidates li").first
    title, id = (first.locator("bdi").nth(at).text_content() for at in (0, 1))
    assert first.text_content().startswith(f"{title} {id}")
    assert page.locator("#sample dl").first.locator("bdi").count() == 2  # the right answer
    assert page.locator("#sample .ranked li").count() == 10
    status = page.locator("#status")
    found = []
    for words in (title.upper(), id, ""):
        before = status.inner_text()
        page.locator("#by-text").fill(words)
        if found:
            page.wait_for_timeout(400)
        else:
            changed(page, before)
        found.append(status.inner_text())
        assert id in page.locator("#sample").inner_text()
    assert found[0] == found[1] != found[2]


def changed(page, before):
    page.wait_for_function("(text) => document.getElementById('status').textContent !== text", arg=before)


@pytest.mark.parametrize("width", [1280, 390])
def test_hostile_titles_are_words_that_overlap_nothing_and_are_not_cut(browser, address, width):
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    page.goto(address)
    page.select_option("#by-run", label="popularity")
    page.locator("#list button").first.click()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.locator("#sample .item").count() > 10
    assert page.evaluate(INSIDE) == []
    assert page.locator("#sample img").count() == 0
    assert page.evaluate("window.hacked") is None
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.locator("#sample").screenshot(path=SHOTS / f"titles-{width}.png")
    context.close()


def test_hostile_texts_are_shown_and_run_nothing(page):
    page.select_option("#by-run", index=1)
    shown = set()
    for at in range(page.locator("#list button").count()):
        page.locator("#list button").nth(at).click()
        shown |= set(page.locator("#sample .said").all_inner_texts())
    assert HOSTILE[0] in shown
    assert HOSTILE[1] in shown
    assert page.evaluate("window.hacked") is None
    assert page.locator("#sample img, #sample script, #sample b").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_markup_is_refused_by_the_page_s_policy(browser, address):
    """It holds even for what a fault of the script might let through."""
    page = browser.new_page()
    page.goto(address)
    attack = "document.body.insertAdjacentHTML('beforeend', `<img src=x onerror='window.hacked = 3'>`)"
    with pytest.raises(Exception, match="TrustedHTML"):  # playwright's, which may not be there
        page.evaluate(attack)
    page.wait_for_timeout(100)
    assert page.evaluate("window.hacked") is None
    page.close()


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_window_and_text_stands_out(browser, address, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.goto(address)
    page.locator("#list button").nth(3).click()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.evaluate("document.getElementById('sample').getBoundingClientRect().top < innerHeight - 200")
    for selector in ("body", ".dim >> nth=0", "thead button >> nth=0", "a >> nth=0"):
        assert contrast(page, selector) >= 4.5, selector
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"report-{width}-{scheme}.png", full_page=True)
    context.close()


def contrast(page, selector: str) -> float:
    """Return the contrast of a text to the page's ground (WCAG 2.2, relative luminance)."""
    colours = page.locator(selector).first.evaluate(
        "(one) => [getComputedStyle(one).color, getComputedStyle(document.body).backgroundColor]"
    )
    lights = sorted(luminance(colour) for colour in colours)
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_it_opens_from_a_path_with_spaces_and_prints(browser, address, tmp_path):
    spaced = tmp_path / "a page of runs.html"
    spaced.write_bytes(Path(address.removeprefix("file://")).read_bytes())
    page = browser.new_page()
    page.goto(spaced.as_uri())
    assert page.pdf(format="A4")[:5] == b"%PDF-"
    page.close()
