"""A user's own files, under names of their own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from builders import EVERYTHING

from llmrec.dataset.custom import CustomDataset, ItemColumns
from llmrec.dataset.rows import Columns, TimeUnit
from llmrec.errors import DataError
from llmrec.progress import Silent
from llmrec.records import Corpus, Interaction, Item

COLUMNS = {
    "user": "who",
    "item": "what",
    "rating": "stars",
    "timestamp": "at",
    "review": "said",
    "summary": None,
}


@pytest.fixture
def own(tmp_path, unknown) -> Callable[..., Corpus]:
    def read(files: dict[str, str], unit: TimeUnit = TimeUnit.seconds, **paths: str | None) -> Corpus:
        folder = tmp_path / "mine"
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        names = {"interactions": next(iter(files)), "items": None, **paths}
        dataset = CustomDataset(
            name="mine",
            interactions=str(names["interactions"]),
            items=names["items"],
            timestamp_unit=unit,
            columns=Columns(**COLUMNS),
            item_columns=ItemColumns(item="what", title="name", brand=None, categories="kinds"),
            sample=EVERYTHING,
            k_core=0,
            max_bad_lines=0,
            expected=unknown,
        )
        return dataset.load(tmp_path, tmp_path / "cache", Silent())

    return read


def test_json_lines_are_read_by_the_named_columns_and_number_ids_become_text(own):
    corpus = own({"a.jsonl": '{"who": 7, "what": "x", "stars": 4, "at": 10.0, "said": "Hi"}\n'})
    assert corpus.interactions == [Interaction("7", "x", 4.0, 10, "Hi", "")]


def test_a_table_is_read_with_its_quotes_and_line_ends(own):
    corpus = own({"a.csv": '\ufeffwho,what,stars,at,said\n007,x,4.5,10,"one, ""two""\nthree"\n'})
    assert corpus.interactions == [Interaction("007", "x", 4.5, 10, 'one, "two" three', "")]


def test_a_table_with_tabs_is_told_by_its_name(own):
    assert own({"a.tsv": "who\twhat\tstars\tat\nu\tx\t4\t10\n"}).counts["interactions"] == 1


def test_a_cell_of_200000_characters_is_read(own):
    assert (
        len(own({"a.csv": f"who,what,stars,at,said\nu,x,4,10,{'y' * 200_000}\n"}).interactions[0].review)
        == 200_000
    )


def test_milliseconds_are_a_setting(own):
    table = "who,what,stars,at\nu,x,4,1588687728923\n"
    assert own({"a.csv": table}, TimeUnit.milliseconds).interactions[0].timestamp == 1588687728


def test_items_give_titles_and_categories(own):
    interactions = "who,what,stars,at\nu,x,4,10\n"
    corpus = own({"a.csv": interactions, "b.csv": "what,name,kinds\nx,Thing,A|B\n"}, items="b.csv")
    assert corpus.items == {"x": Item("x", "Thing", "", ("A", "B"))}


def test_an_absolute_path_is_taken_as_it_is(own, tmp_path):
    elsewhere = Path(tmp_path) / "else.csv"
    elsewhere.write_text("who,what,stars,at\nu,x,4,10\n")
    assert own({"a.csv": ""}, interactions=str(elsewhere)).counts["interactions"] == 1


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ("u,x,7,10", "stars 7 is not a number of stars (1 to 5)"),
        ("u,x,,10", "stars is missing"),
        ("u,x,nan,10", "stars nan is not a number of stars (1 to 5)"),
        ("u,x,4,-5", "at -5 is not a time in whole seconds since 1970"),
        ("u,x,4,1588687728923", "at 1588687728923 is not a time in whole seconds since 1970"),
        ("u,,4,10", "what '' is not an id"),
        ("u,x", "stars is missing"),
    ],
)
def test_a_table_is_held_to_the_same_rules(own, cells, reason):
    with pytest.raises(DataError) as caught:
        own({"a.csv": f"who,what,stars,at\nu,x,4,10\n{cells}\n"})
    assert str(caught.value) == (
        f"a.csv:3: {reason}; 1 such lines skipped would be allowed by dataset.max_bad_lines=1"
    )


def test_a_missing_file_names_the_setting(own, tmp_path):
    with pytest.raises(DataError) as caught:
        own({"a.csv": ""}, interactions="b.csv")
    assert str(caught.value) == (
        f"dataset.interactions: no file {tmp_path}/mine/b.csv; put it there, or set dataset.interactions=PATH"
    )
