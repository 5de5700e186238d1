"""What cannot be read ends in one line that names the place, the value, the rule and the way out."""

import gzip
import json

import pytest

from llmrec.errors import DataError


def refusal(load, *args, **rules) -> str:
    with pytest.raises(DataError) as caught:
        load(*args, **rules)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"overall": 7}, "overall 7 is not a number of stars (1 to 5)"),
        ({"overall": "five"}, "overall 'five' is not a number of stars (1 to 5)"),
        ({"overall": True}, "overall True is not a number of stars (1 to 5)"),
        ({"overall": float("nan")}, "overall nan is not a number of stars (1 to 5)"),
        ({"overall": None}, "overall is missing"),
        ({"unixReviewTime": -1}, "unixReviewTime -1 is not a time in whole seconds since 1970"),
        ({"unixReviewTime": 1.5}, "unixReviewTime 1.5 is not a time in whole seconds since 1970"),
        ({"unixReviewTime": False}, "unixReviewTime False is not a time in whole seconds since 1970"),
        ({"unixReviewTime": float("inf")}, "unixReviewTime inf is not a time in whole seconds since 1970"),
        (
            {"unixReviewTime": 10**15},
            "unixReviewTime 1000000000000000 is not a time in whole seconds since 1970",
        ),
        ({"reviewerID": 12}, "reviewerID 12 is not an id"),
        ({"asin": " "}, "asin ' ' is not an id"),
        ({"reviewText": ["a"]}, "reviewText ['a'] is not a text"),
    ],
)
def test_a_broken_rule_names_line_field_and_value(load, row, change, reason):
    assert refusal(load, [row(), row(asin="i2", **change) if "asin" not in change else row(**change)]) == (
        f"reviews.json:2: {reason}; 1 such lines skipped would be allowed by dataset.max_bad_lines=1"
    )


def test_the_message_names_the_first_bad_line_and_how_many_there_are(load, row):
    rows = [row(), row(overall=7), row(overall=0)]
    assert refusal(load, rows, max_bad_lines=1) == (
        "reviews.json:2: overall 7 is not a number of stars (1 to 5); "
        "2 such lines skipped would be allowed by dataset.max_bad_lines=2"
    )


def test_bad_lines_within_the_allowance_are_skipped_and_counted(load, row):
    counts = load([row(), row(overall=7)], max_bad_lines=1).counts
    assert (counts["interactions"], counts["bad_lines"]) == (1, 1)


def test_bad_json_shows_the_beginning_of_the_line(load, row):
    good = json.dumps(row()).encode()
    assert refusal(load, good + b"\n{oops\n") == (
        "reviews.json:2: line '{oops\\n' is not JSON; "
        "1 such lines skipped would be allowed by dataset.max_bad_lines=1"
    )


def test_bytes_that_are_no_utf_8_are_a_bad_line(load, row):
    bad = json.dumps(row(asin="i2", summary="?")).encode().replace(b"?", b"\xff")
    assert refusal(load, json.dumps(row()).encode() + b"\n" + bad).startswith("reviews.json:2: line ")


def test_json_nested_beyond_any_depth_is_a_bad_line(load, row):
    deep = json.dumps(row()).encode() + b"\n" + b"[" * 200_000
    assert "is not JSON" in refusal(load, deep)


def test_an_empty_file_says_so(load, tmp_path):
    assert refusal(load, b"") == (
        f"{tmp_path}/shop/reviews.json: 0 bytes; delete the file to have it fetched again, or copy it anew"
    )


def test_a_gzip_of_nothing_holds_no_line(load):
    assert refusal(load, gzip.compress(b"")) == (
        "reviews.json: holds no line; delete the file to have it fetched again, or copy it anew"
    )


def test_a_truncated_gzip_tells_how_far_it_could_be_read(load, row, tmp_path):
    whole = gzip.compress("".join(json.dumps(row(asin=f"i{n}")) + "\n" for n in range(2000)).encode())
    message = refusal(load, whole[: len(whole) // 2])
    assert message.startswith(f"{tmp_path}/shop/reviews.json: cannot be read beyond line ")
    assert message.endswith(
        "(Compressed file ended before the end-of-stream marker was reached); "
        "delete the file to have it fetched again, or copy it anew"
    )


def test_a_gzip_with_damaged_bytes_is_refused(load, row):
    whole = bytearray(gzip.compress("".join(json.dumps(row(asin=f"i{n}")) for n in range(2000)).encode()))
    whole[len(whole) // 2] ^= 0xFF
    assert "cannot be read beyond line" in refusal(load, bytes(whole))


def test_binary_garbage_is_told_from_reviews(load):
    assert refusal(load, b"\x89PNG\r\n\x00\xff") == (
        "reviews.json: 2 lines, and none is an interaction "
        "(reviews.json:1: line '\ufffdPNG\\r\\n' is not JSON); "
        "delete the file to have it fetched again, or copy it anew"
    )


def test_a_file_without_one_valid_row_is_refused_however_many_bad_lines_are_allowed(load, row):
    message = refusal(load, [row(overall=9)], max_bad_lines=100)
    assert message.startswith("reviews.json: 1 lines, and none is an interaction (reviews.json:1: overall 9")


def test_an_unknown_field_is_ignored(load, row):
    assert load([row(colour="red")]).counts["interactions"] == 1


def test_broken_metadata_counts_as_a_bad_line(load, row):
    assert refusal(load, [row()], ["{'asin': 'i1', "]) == (
        "meta.json.gz:1: line \"{'asin': 'i1', \" is neither a JSON object nor a Python dict; "
        "1 such lines skipped would be allowed by dataset.max_bad_lines=1"
    )
