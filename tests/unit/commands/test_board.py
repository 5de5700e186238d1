"""The table of a sweep says of each run what its folder says."""

from llmrec.ahead import Cell, Size
from llmrec.artifacts import COMPLETIONS, ERROR, LOCK, METRICS
from llmrec.commands.board import DONE, FAILED, GOING, WAITING, Board
from llmrec.commands.console import errors
from llmrec.report.study import Ran

CHOICES = {group: {"name": "some"} for group in ("task", "dataset", "model", "prompt")}
CHOICES["finetune"] = {"name": "none"}


def cell(folder, left_out="", finished=False):
    folder.mkdir()
    return Cell(Ran(folder, CHOICES, None, left_out), None, finished, Size(4, 0.0, 0))


def states(board):
    return [board._stand(one).state for one in board._cells]


def test_a_run_waits_goes_and_ends_as_its_folder_says(tmp_path):
    cells = [cell(tmp_path / name) for name in "abc"]
    done, out = cell(tmp_path / "d", finished=True), cell(tmp_path / "e", left_out="no texts")
    (done.run.folder / METRICS).write_text("{}")
    board = Board([*cells, done, out], errors())
    assert states(board) == [WAITING, WAITING, WAITING, DONE]
    for one in cells:
        (one.run.folder / LOCK).write_text("process 1 on here")
    (cells[1].run.folder / COMPLETIONS).write_text("one\ntwo\nthr")
    (cells[2].run.folder / ERROR).write_text("no disk\n")
    assert states(board) == [GOING, GOING, FAILED, DONE]
    stands = [board._stand(one) for one in cells]
    assert [(stand.done, stand.rows) for stand in stands[:2]] == [(0, 4), (2, 4)]
    assert stands[2].reason == "no disk"
    (cells[1].run.folder / LOCK).unlink()
    (cells[1].run.folder / METRICS).write_text("{}")
    (cells[2].run.folder / ERROR).unlink()
    assert states(board) == [GOING, DONE, GOING, DONE]


def test_the_table_shows_what_goes_and_fails_before_what_waits(tmp_path):
    cells = [cell(tmp_path / str(number)) for number in range(40)]
    board = Board(cells, errors())
    (cells[30].run.folder / LOCK).write_text("")
    board.stands = [board._stand(one) for one in cells]
    table = board.table()
    assert table.row_count == 16
    assert "31" in list(table.columns[0].cells)
    assert table.caption == "0 done, 40 left"
