"""A rater's page in a real browser: by keyboard, by touch, after a reload, and with texts that attack it."""

import json
import shutil
from pathlib import Path

import pytest
from annotated import HOSTILE, finished, prompted, rewritten

from llmrec.annotate.ballot import read_key
from llmrec.commands import annotate

SCREENSHOTS = Path(__file__).resolve().parents[2] / "outputs" / "screenshots"
ITEMS = 10
PHONE = (390, 844)
TOUCH = {"has_touch": True, "is_mobile": True}
QUESTIONS = 5  # a text: its place, and four criteria

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    to = finished(tmp_path_factory.mktemp("runs"), ["often", "chance", "reviews", "headlines"])
    prompted(to / "often", "Product: Corvane Orange Blossom Paddle Brush, Large")
    shutil.copytree(to / "chance", to / "hostile")
    rewritten(to / "hostile", HOSTILE)
    prompted(to / "hostile", "Product: " + HOSTILE[1])
    return to


@pytest.fixture(scope="module")
def ballot(runs, tmp_path_factory):
    """Two texts an item and the reference, two pages, two rows twice."""
    return made(tmp_path_factory.mktemp("ballot") / "out", [runs / "often", runs / "chance"], "--repeat", "2")


def made(out, folders, *more, items=ITEMS):
    words = ["make", *map(str, folders), "--items", str(items), "--out", str(out), "--with-reference", *more]
    assert annotate.main(words) == 0
    return out


class Watched:
    """A page whose every error, dialog and request is noted."""

    def __init__(self, browser, path, width=1280, height=900, **options):
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, accept_downloads=True, **options
        )
        self.page = self.context.new_page()
        self.faults = []
        self.page.on("dialog", lambda dialog: (self.faults.append(dialog.message), dialog.dismiss()))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda told: self.faults.append(told.text) if told.type == "error" else None)
        self.page.on("request", self.requested)
        self.path = path
        self.page.goto(path.as_uri())

    def requested(self, request):
        if not request.url.startswith(("file:", "blob:")):
            self.faults.append(request.url)

    def press(self, keys):
        for key in keys:
            self.page.keyboard.press(key)

    def shot(self, name):
        """Keep what the window shows now, and the whole page from its top."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.mouse.move(0, 0)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")
        size = self.page.viewport_size
        height = self.page.evaluate("document.documentElement.scrollHeight")
        self.page.set_viewport_size({"width": size["width"], "height": height})
        self.page.screenshot(path=SCREENSHOTS / f"{name}-whole.png")
        self.page.set_viewport_size(size)

    def export(self, to, rater="Ann"):
        self.page.fill("#rater", rater)
        with self.page.expect_download() as download:
            self.page.click("#export")
        path = to / download.value.suggested_filename
        download.value.save_as(path)
        return path

    def overflow(self):
        """Return the elements that stand out of the window's sides."""
        return self.page.evaluate(
            """() => [...document.querySelectorAll('body *')].filter((one) => {
              const box = one.getBoundingClientRect();
              return box.width > 0 && (box.right > window.innerWidth + 1 || box.left < -1);
            }).map((one) => one.outerHTML.slice(0, 120))"""
        )


@pytest.fixture
def opened(browser):
    contexts = []

    def at(path, *size, **options):
        watched = Watched(browser, path, *size, **options)
        contexts.append(watched.context)
        return watched

    yield at
    for context in contexts:
        context.close()


def digits(place):
    """Return what is pressed for the three texts of the item at a place: their places, then four criteria."""
    ranks = [["1", "2", "3"], ["2", "1", "3"], ["1", "1", "2"]][place % 3]
    return ranks + [str(1 + (place + at) % 5) for at in range(3 * (QUESTIONS - 1))]


def test_items_are_rated_by_keyboard_alone_kept_over_a_reload_exported_and_scored(
    opened, ballot, tmp_path, capsys
):
    watched = opened(ballot / "rate-1.html")
    for place in range(ITEMS + 2):
        if place == 5:
            watched.page.reload()
            assert watched.page.text_content("#count") == "5 of 12 done"
            assert watched.page.input_value("#item") == "5"
        watched.press([*digits(place), "ArrowRight"])
    assert watched.page.text_content("#count") == "12 of 12 done"
    watched.page.reload()
    assert watched.page.text_content("#count") == "12 of 12 done"
    path = watched.export(tmp_path)
    [sheet] = read_key(ballot / "key.json").sheets
    assert path.name == f"ratings-{sheet.id}-Ann.json"
    found = json.loads(path.read_text())
    assert [one["item"] for one in found["answers"]] == [showing.id for showing in sheet.showings]
    assert [one["ranks"] for one in found["answers"][:3]] == [[1, 2, 3], [2, 1, 3], [1, 1, 2]]
    assert found["answers"][1]["scores"]["clarity"] == [2, 3, 4]
    assert watched.faults == []
    capsys.readouterr()
    assert annotate.main(["score", str(path), "--key", str(ballot / "key.json"), "--format", "json"]) == 0
    scored = json.loads(capsys.readouterr().out)
    assert (scored["shown"], scored["ranked"], scored["systems"][0]["rows"]) == (12, 12, ITEMS)
    assert scored["consistency"][0]["same"]["rows"] == 2


def test_arrows_move_backspace_takes_back_and_comments_take_every_key(opened, ballot, tmp_path):
    watched = opened(ballot / "rate-1.html")
    watched.press(["1", "2", "ArrowUp", "Backspace", "9"])
    assert watched.page.text_content("#status") == "Give 1 to 3 here."
    watched.page.focus("#comment")
    watched.press(["4", "ArrowLeft", "5", "ArrowRight", "Escape", "3"])
    watched.press(["ArrowRight", "2", "ArrowLeft"])
    [first, second] = json.loads(watched.export(tmp_path).read_text())["answers"]
    assert first["ranks"] == [1, 3, None]
    assert first["comment"] == "54"
    assert second["ranks"] == [2, None, None]
    assert watched.page.text_content("#status").startswith("Exported. Not finished: 1, 2, 3")


def test_an_exported_file_goes_on_in_another_browser_and_no_other_page_s(opened, ballot, runs, tmp_path):
    first = opened(ballot / "rate-1.html")
    first.press([*digits(0), "ArrowRight", *digits(1)])
    path = first.export(tmp_path)
    other = opened(ballot / "rate-1.html")
    assert other.page.text_content("#count") == "0 of 12 done"
    other.page.set_input_files("#import", path)
    other.page.wait_for_function("document.getElementById('status').textContent === '2 items read.'")
    assert other.page.text_content("#count") == "2 of 12 done"
    assert other.page.input_value("#rater") == "Ann"
    assert json.loads(other.export(tmp_path / "again").read_text()) == json.loads(path.read_text())
    elsewhere = opened(made(tmp_path / "out", [runs / "often"]) / "rate-1.html")
    elsewhere.page.set_input_files("#import", path)
    elsewhere.page.wait_for_function("document.getElementById('status').textContent.includes('not read')")
    assert "ratings of another page" in elsewhere.page.text_content("#status")


def test_without_a_name_nothing_is_exported(opened, ballot):
    watched = opened(ballot / "rate-1.html")
    watched.page.click("#export")
    assert watched.page.text_content("#status") == "Write your name or initials first."
    assert watched.page.evaluate("document.activeElement.id") == "rater"


def test_hostile_texts_are_shown_as_text_and_nothing_runs(opened, runs, tmp_path):
    out = made(tmp_path / "out", [runs / "hostile", runs / "chance"], items=20)
    key = read_key(out / "key.json")
    [at] = [place for place, system in enumerate(key.systems) if system.folder == str(runs / "hostile")]
    watched = opened(out / "rate-1.html")
    seen = set()
    for showing in key.sheets[0].showings:
        shown = watched.page.locator(".card > div").nth(showing.order.index(at)).text_content()
        seen.add(shown)
        assert watched.page.text_content("#head").endswith(HOSTILE[1])
        assert watched.page.evaluate("window.hacked") is None
        assert watched.overflow() == []
        if len(shown) > 5_000 or "\u0351" in shown or "\u202e" in shown:
            watched.shot(f"annotate-attack-{len(shown)}")
        watched.press(["1", "ArrowRight"])
    plain = {text for text in HOSTILE if text.isprintable() and text} | {"(no text)"}
    assert plain <= seen
    assert any("nul ␀ bell ␇ escape ␛[31m delete ␡ line \u2028" in text for text in seen)
    assert "long " * 10_000 in seen
    tags = "main script, main img, main svg, main a, main b, iframe, object"
    assert watched.page.locator(tags).count() == 0
    assert watched.page.evaluate("window.hacked") is None
    assert watched.faults == []


def test_the_policy_holds_against_markup_that_did_get_in(opened, ballot, tmp_path):
    attack = """<img src="https://example.org/x.png" onerror="window.hacked = 1">
      <script>window.hacked = 2</script><script src="https://example.org/x.js"></script>"""
    page = (ballot / "rate-1.html").read_text().replace("<main>", f"<main>{attack}")
    (tmp_path / "attacked.html").write_text(page)
    watched = opened(tmp_path / "attacked.html")
    watched.press(["1"])
    assert watched.page.evaluate("window.hacked") is None
    told = [fault for fault in watched.faults if "Content Security Policy" in fault]
    assert len(told) == 4  # the handler, the image, the inline script, the fetched one
    with pytest.raises(Exception, match="TrustedHTML"):  # playwright's, which may not be there
        watched.page.evaluate("() => { document.body.innerHTML = '<b>'; }")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 900), PHONE])
@pytest.mark.parametrize("kind", ["explanation", "summarization", "hostile"])
def test_nothing_stands_out_of_the_window(opened, runs, tmp_path, kind, width, height, scheme):
    folders = {
        "explanation": [runs / "often", runs / "chance"],
        "summarization": [runs / "reviews", runs / "headlines"],
        "hostile": [runs / "hostile", runs / "chance"],
    }[kind]
    touch = width < 500
    out = made(tmp_path / "out", folders)
    watched = opened(
        out / "rate-1.html", width, height, color_scheme=scheme, has_touch=touch, is_mobile=touch
    )
    watched.page.click("#more summary")
    watched.press(["1", "2", "2", "5", "4", "3"])
    watched.shot(f"annotate-{kind}-{width}-{scheme}")
    assert watched.overflow() == []
    assert watched.faults == []
    if touch:
        small = watched.page.evaluate(
            """() => [...document.querySelectorAll('.choices label, button')]
              .filter((one) => one.getBoundingClientRect().height < 44).length"""
        )
        assert small == 0


def test_every_control_has_a_name_and_every_question_one_tab_stop(opened, ballot):
    watched = opened(ballot / "rate-1.html")
    assert watched.page.get_by_role("radiogroup").count() == 3 * QUESTIONS
    assert watched.page.get_by_role("radiogroup", name="Place of text A").get_by_role("radio").count() == 3
    for role, name in [
        ("button", "Export ratings"),
        ("textbox", "Your name or initials"),
        ("combobox", "Item"),
    ]:
        assert watched.page.get_by_role(role, name=name).count() == 1
    assert watched.page.get_by_role("progressbar", name="Items finished").count() == 1
    watched.press(["Tab"])
    assert watched.page.evaluate("document.activeElement.name") == "place-1"
    outline = "getComputedStyle(document.activeElement.nextSibling).outlineStyle"
    assert watched.page.evaluate(outline) == "solid"


def test_a_press_answers_and_a_second_one_takes_it_back(opened, ballot):
    watched = opened(ballot / "rate-1.html", *PHONE, **TOUCH)
    choice = watched.page.get_by_role("radiogroup", name="clarity of text B").get_by_label("4")
    choice.tap()
    assert choice.is_checked()
    choice.tap()
    assert not choice.is_checked()


def test_where_the_browser_keeps_nothing_it_is_told(opened, ballot):
    watched = opened(ballot / "rate-1.html")
    watched.page.evaluate(
        "() => { Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError'); }; }"
    )
    watched.press(["1"])
    assert "keeps nothing (QuotaExceededError): export before" in watched.page.text_content("#trouble")
    assert watched.page.is_visible("#trouble")
