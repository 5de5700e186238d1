"""The three generations of Amazon's files become the same records."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmrec.dataset.amazon import careful_review, described, review
from llmrec.dataset.rows import LATEST, BadRow
from llmrec.records import Interaction, Item

OLD_ITEM = {
    "asin": "i1",
    "title": "Soap &amp; Co",
    "brand": "Acme",
    "categories": [["Bath", "Soap"], ["Gifts"]],
}


TEXTS = st.text(st.sampled_from("ab '\"\\{}:,[]\té"), max_size=8)
LITERALS = TEXTS | st.lists(TEXTS, max_size=3) | st.none() | st.booleans() | st.integers() | st.floats(-9, 9)


def test_a_2014_line_is_read_by_its_field_names(row):
    line = json.dumps(row(helpful=[0, 0])).encode()
    assert review(line) == Interaction("u1", "i1", 4.0, 86400, "Nice.", "ok")


def test_a_2018_line_without_text_has_empty_text(row):
    line = json.dumps(row(reviewText=None, verified=True, vote="2")).encode()
    assert review(line) == Interaction("u1", "i1", 4.0, 86400, "", "ok")


def test_a_2023_line_has_milliseconds_and_its_title_is_the_summary():
    fields = {"user_id": "u", "parent_asin": "p", "asin": "c", "rating": 5.0, "timestamp": 1588687728923}
    line = json.dumps({**fields, "title": "Great", "text": "Yes"}).encode()
    assert review(line) == Interaction("u", "p", 5.0, 1588687728, "Yes", "Great")


def test_a_2023_line_without_a_parent_falls_back_to_its_asin():
    line = b'{"user_id": "u", "asin": "c", "rating": 1, "timestamp": 1000, "title": "", "text": ""}'
    assert review(line).item == "c"


def test_html_entities_and_line_breaks_of_texts_are_resolved(row):
    line = json.dumps(row(reviewText="a &amp; b\n\nc", summary="&quot;hm&quot;")).encode()
    assert (review(line).review, review(line).summary) == ("a & b c", '"hm"')


def test_a_lone_surrogate_becomes_the_replacement_character():
    line = (
        rb'{"reviewerID":"u","asin":"i","overall":5,"unixReviewTime":1,"reviewText":"a\ud800b","summary":""}'
    )
    assert review(line).review == "a\ufffdb"


def test_right_to_left_and_emoji_text_survive(row):
    line = json.dumps(row(reviewText="شكرا 👍🏽", summary="תודה")).encode()
    assert (review(line).review, review(line).summary) == ("شكرا 👍🏽", "תודה")


def test_a_review_of_100000_characters_is_kept_whole(row):
    assert len(review(json.dumps(row(reviewText="x" * 100_000)).encode()).review) == 100_000


TIMES = [-1, 1.5, 1e3, LATEST, LATEST + 1, LATEST * 1000, LATEST * 1000 + 999, 10**30]
STARS = [0, 1, 5, 5.0, 4.5, 5.1, float("nan")]
ODD = st.sampled_from(["u1", "", " ", "\u2003", "a &amp;\t b", "\ud800", True, None, [], *STARS, *TIMES])
NAMES = {
    2014: ("reviewerID", "asin", "overall", "unixReviewTime", "reviewText", "summary"),
    2023: ("user_id", "parent_asin", "rating", "timestamp", "text", "title"),
}
SOUND = ("u1", "i1", 4.0, 86400, "Nice.", "ok")


@given(
    st.sampled_from([2014, 2023]),
    st.dictionaries(st.sampled_from([*NAMES[2014], *NAMES[2023], "vote"]), ODD, max_size=3),
    st.sets(st.sampled_from([*NAMES[2014], *NAMES[2023]]), max_size=1),
)
def test_a_line_read_at_once_is_what_careful_reading_makes_of_it(generation, changes, left_out):
    fields = dict(zip(NAMES[generation], SOUND, strict=True)) | changes
    line = json.dumps({name: fields[name] for name in fields if name not in left_out}).encode()
    assert outcome(review, line) == outcome(careful_review, line)


def outcome(read, line: bytes) -> object:
    try:
        return read(line)
    except BadRow as refusal:
        return str(refusal)


@given(st.dictionaries(st.sampled_from(["asin", "title", "brand", "categories"]), LITERALS, min_size=1))
def test_a_python_literal_and_json_describe_the_same_item(fields):
    known = {"asin": "i1"} | fields
    assert outcome(described, repr(known).encode()) == outcome(described, json.dumps(known).encode())


def test_2014_metadata_is_a_python_literal_of_which_the_first_path_counts():
    assert described(repr(OLD_ITEM).encode()) == Item("i1", "Soap & Co", "Acme", ("Bath", "Soap"))


def test_2018_metadata_has_one_path_in_which_a_repeated_name_is_kept_once():
    line = json.dumps(
        {"asin": "i", "title": "T", "brand": "Unknown", "category": ["Cards", "Cards"]}
    ).encode()
    assert described(line) == Item("i", "T", "", ("Cards",))


def test_2023_metadata_puts_the_main_category_first_and_the_store_as_brand():
    fields = {"parent_asin": "p", "title": "T", "store": "S", "main_category": "All Beauty"}
    assert described(json.dumps({**fields, "categories": ["Hair"]}).encode()) == Item(
        "p", "T", "S", ("All Beauty", "Hair")
    )


def test_a_metadata_literal_is_never_executed(tmp_path, load, row):
    trap = tmp_path / "ran"
    with pytest.raises(Exception, match="neither a JSON object nor a Python dict"):
        load([row()], [f"{{'asin': 'i1', 'title': open({str(trap)!r}, 'w')}}"])
    assert not trap.exists()


@pytest.mark.parametrize("title", ["x" * 2001, "<script>1</script>", "var t = new Date().getTime()"])
def test_a_scraped_page_is_no_title(title):
    assert described(json.dumps({"asin": "i", "title": title}).encode()).title == ""


def test_a_title_with_quotes_newlines_and_brackets_stays_one_line(load, row):
    corpus = load([row()], [repr({**OLD_ITEM, "title": 'The "Big"\n[Red] {Box}'})])
    assert corpus.items["i1"].title == 'The "Big" [Red] {Box}'


def test_items_without_a_title_are_shown_by_their_id_and_counted(load, row):
    corpus = load([row(), row(asin="i2")], [repr({**OLD_ITEM, "title": ""})])
    assert [item.title for item in corpus.items.values()] == ["item i1", "item i2"]
    assert corpus.counts["untitled"] == 2
    assert corpus.items["i1"].brand == "Acme"


def test_without_metadata_every_item_is_untitled_and_a_note_says_so(load, row):
    corpus = load([row()])
    assert corpus.notes == ["no metadata file: every item is shown as 'item <id>'"]


def test_of_two_metadata_lines_the_first_with_a_title_counts(load, row):
    lines = [repr({**OLD_ITEM, "title": title}) for title in ("", "First", "Second")]
    assert load([row()], lines).items["i1"].title == "First"


def test_broken_metadata_of_unreviewed_items_is_not_parsed(load, row):
    corpus = load([row()], [repr(OLD_ITEM), "{'asin': 'other', broken"])
    assert corpus.counts["bad_lines"] == 0


def test_gzip_is_told_by_its_bytes_not_by_its_name(load, row):
    assert load(gzip.compress(json.dumps(row()).encode())).counts["interactions"] == 1
