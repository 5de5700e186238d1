"""Pages of real runs of cheap models: what stands on them, and what must not."""

import json
import re
import shutil

import msgspec
import pytest
from annotated import HOSTILE, prompted, rewritten

from llmrec.annotate.ballot import Page, read_key
from llmrec.artifacts import PREDICTIONS, from_lines, to_lines
from llmrec.cli import dispatch
from llmrec.commands import annotate
from llmrec.errors import ConfigError, DataError
from llmrec.finished import Finished
from llmrec.onefile import digest
from llmrec.records import Prediction


def make(out, folders, *more):
    words = ["make", *map(str, folders), "--out", str(out), *more]
    assert annotate.main(words) == 0
    return out


def data_of(path):
    """Return what a page knows, read as a browser does."""
    [content] = re.findall(
        r'<script type="application/json" id="data">(.*?)</script>', path.read_text(), re.S
    )
    return msgspec.json.decode(content, type=Page)


@pytest.fixture
def texts(runs):
    return [runs / "often", runs / "chance"]


def test_each_rater_has_a_page_and_the_key_says_who_wrote_what(texts, tmp_path):
    out = make(tmp_path / "out", texts, "--items", "9", "--raters", "3", "--with-reference")
    key = read_key(out / "key.json")
    assert sorted(path.name for path in out.iterdir()) == [
        "key.json",
        "rate-1.html",
        "rate-2.html",
        "rate-3.html",
    ]
    assert [(system.name, system.folder) for system in key.systems] == [
        ("frequent_text", str(texts[0])),
        ("random", str(texts[1])),
        ("reference", None),
    ]
    told = [{row.question.id: row for row in Finished.at(folder).rows} for folder in texts]
    for sheet in key.sheets:
        page = data_of(out / sheet.file)
        assert page.id == sheet.id
        assert len(page.items) == 9
        for item, showing in zip(page.items, sheet.showings, strict=True):
            one, other = (given[showing.row] for given in told)
            written = one.answer.text, other.answer.text, one.reference.text
            assert item.id == showing.id
            assert item.texts == tuple(written[system] for system in showing.order)
    assert len({sheet.id for sheet in key.sheets}) == 3
    rows = [{showing.row for showing in sheet.showings} for sheet in key.sheets]
    assert rows[0] == rows[1] == rows[2]
    assert rows[0] <= set(told[0]) & set(told[1])


def test_no_page_names_a_system_a_folder_a_metric_a_row_or_the_reference(runs, texts, tmp_path):
    out = make(tmp_path / "out", texts, "--items", "12", "--raters", "2", "--repeat", "4", "--with-reference")
    key = read_key(out / "key.json")
    metrics = {result.id for folder in texts for result in Finished.at(folder).metrics.metrics}
    hidden = {word for id in metrics for word in re.split(r"[/:.@]", id) if len(word) > 2}
    hidden -= {"div"}  # a score, and a tag of HTML
    hidden |= {"frequent_text", "random", "often", "chance", "reference", "repeat", "again", str(runs)}
    hidden |= {showing.row for showing in key.sheets[0].showings}
    for sheet in key.sheets:
        content = (out / sheet.file).read_bytes().decode()
        policy = re.compile(r"sha256-[\w+/=]+").sub("", content)
        items = data_of(out / sheet.file).items
        shown = "".join(text for item in items for text in (*item.texts, item.asked.whole))
        found = [word for word in hidden if re.search(rf"\b{re.escape(word)}\b", policy, re.I)]
        assert [word for word in found if word.lower() not in shown.lower()] == []
        assert {item.id for item in items} == {one.id for one in sheet.showings}


def test_the_same_command_makes_the_same_pages_and_another_seed_others(texts, tmp_path):
    one, two = (make(tmp_path / name, texts, "--items", "6") for name in ("one", "two"))
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes()
    other = make(tmp_path / "other", texts, "--items", "6", "--seed", "1")
    assert data_of(other / "rate-1.html").id != data_of(one / "rate-1.html").id


def test_rows_shown_twice_come_last_in_another_order(texts, tmp_path):
    out = make(tmp_path / "out", texts, "--items", "6", "--repeat", "2", "--with-reference")
    [sheet] = read_key(out / "key.json").sheets
    first = {showing.row: showing for showing in sheet.showings if not showing.again}
    again = [showing for showing in sheet.showings if showing.again]
    assert [showing.again for showing in sheet.showings] == [False] * 6 + [True] * 2
    for showing in again:
        assert showing.order != first[showing.row].order
    assert len({showing.id for showing in sheet.showings}) == 8


def test_hostile_texts_cannot_end_the_element_that_holds_them(runs, tmp_path):
    shutil.copytree(runs / "chance", tmp_path / "hostile")
    rewritten(tmp_path / "hostile", HOSTILE)
    prompted(tmp_path / "hostile", HOSTILE[1])
    out = make(tmp_path / "out", [tmp_path / "hostile", runs / "chance"], "--items", "20")
    content = (out / "rate-1.html").read_text()
    assert len(re.findall("<script", content)) == 2
    assert content.count("</script>") == 2
    [embedded] = re.findall(r'id="data">(.*?)</script>', content, re.S)
    assert not set(embedded) & set("<>&\u2028\u2029\x00\x1b")
    shown = {text for item in data_of(out / "rate-1.html").items for text in item.texts}
    assert set(HOSTILE) <= shown


def test_the_policy_allows_the_page_s_own_script_and_style_alone(texts, tmp_path):
    content = (make(tmp_path / "out", texts, "--items", "2") / "rate-1.html").read_text()
    [script] = re.findall(r"<script>(.*?)</script>", content, re.S)
    [style] = re.findall(r"<style>(.*?)</style>", content, re.S)
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', content)
    assert policy.split("; ") == [
        "default-src 'none'",
        f"script-src '{digest(script)}'",
        f"style-src '{digest(style)}'",
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
    ]
    assert digest("") == "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    assert not re.search(r"https?://|//\w|@import|url\(", content.replace("\\/", "/").split('id="data"')[0])


def test_what_was_asked_is_the_prompt_s_without_its_directions_on_the_format(runs, tmp_path):
    shutil.copytree(runs / "often", tmp_path / "often")
    prompted(tmp_path / "often", "Product: Brush")
    out = make(tmp_path / "out", [tmp_path / "often", runs / "chance"], "--items", "2")
    asked = data_of(out / "rate-1.html").items[0].asked
    assert asked.head == "The user gave the product below 4 of 5 stars. Explain why.\nProduct: Brush"
    assert asked.whole == (
        "The user gave the product below 4 of 5 stars. Explain why.\n\nProduct: Brush\n\n"
        "What the user bought before, with ratings:\n1. A brush (5 stars)"
    )


def test_where_no_model_read_a_prompt_the_question_itself_is_shown(runs, tmp_path):
    out = make(tmp_path / "out", [runs / "reviews", runs / "headlines"], "--items", "2")
    reviews = {row.question.review for row in Finished.at(runs / "reviews").rows}
    for item in data_of(out / "rate-1.html").items:
        assert item.asked.head.startswith("Summarization")
        [review] = re.findall("Review: (.*)", item.asked.whole)
        assert review in reviews
    page = data_of(make(tmp_path / "why", [runs / "often", runs / "chance"], "--items", "2") / "rate-1.html")
    assert re.fullmatch(r"Explanation of [1-5] of 5 stars", page.items[0].asked.head)


def test_a_row_without_a_valid_answer_is_shown_empty_and_told(runs, tmp_path, capsys):
    shutil.copytree(runs / "chance", tmp_path / "chance")
    path = tmp_path / "chance" / PREDICTIONS
    made = [Prediction(one.example_id, None, "empty", (), 1) for one in from_lines(path, Prediction)]
    path.write_bytes(to_lines(made))
    out = make(tmp_path / "out", [runs / "often", tmp_path / "chance"], "--items", "5")
    assert "5 texts on a page are empty" in capsys.readouterr().out
    assert all("" in item.texts for item in data_of(out / "rate-1.html").items)


@pytest.mark.parametrize(
    ("names", "more", "error", "told"),
    [
        (["often"], [], ConfigError, "1 texts a row; give 2 to 9"),
        (["often", "often"], [], ConfigError, "given twice"),
        (["stars", "stars/"], [], ConfigError, "given twice"),
        (["stars"], ["--with-reference"], DataError, "task=rating has no texts to rate"),
        (["often", "reviews"], [], DataError, "task=summarization, and .* has task=explanation"),
        (["often", "chance"], ["--items", "21"], ConfigError, "--items 21: 20 rows are shared"),
        (["often", "chance"], ["--items", "0"], ConfigError, "--items 0"),
        (["often", "chance"], ["--items", "5", "--repeat", "6"], ConfigError, "--repeat 6: 5 rows"),
        (["often", "chance"], ["--items", "5", "--raters", "0"], ConfigError, "--raters 0"),
        (["often", "none"], [], DataError, "give the folder of a run"),
    ],
)
def test_what_makes_no_page_is_refused_in_one_line(runs, tmp_path, names, more, error, told):
    with pytest.raises(error, match=told) as refused:
        make(tmp_path / "out", [runs / name for name in names], *more)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_run_that_kept_no_prompts_is_refused(runs, tmp_path):
    shutil.copytree(runs / "chance", tmp_path / "chance")
    (tmp_path / "chance" / "prompts.jsonl").unlink()
    with pytest.raises(DataError, match=r"prompts\.jsonl: not there"):
        make(tmp_path / "out", [runs / "often", tmp_path / "chance"], "--items", "2")


def test_a_folder_that_holds_something_is_left_alone(texts, tmp_path, capsys):
    out = make(tmp_path / "out", texts, "--items", "2")
    before = (out / "key.json").read_bytes()
    assert dispatch(["annotate", "make", *map(str, texts), "--items", "3", "--out", str(out)]) == 1
    assert "not empty" in capsys.readouterr().err
    assert (out / "key.json").read_bytes() == before


@pytest.mark.parametrize("change", [{"schema": "llmrec/rating-key/0"}, {"more": 1}, {"seed": "0"}])
def test_a_key_of_another_form_is_refused(texts, tmp_path, change):
    path = make(tmp_path / "out", texts, "--items", "2") / "key.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(DataError, match=r"key\.json"):
        read_key(path)
