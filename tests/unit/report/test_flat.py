"""Scores as rows for other programs."""

from pathlib import Path

from llmrec.report.flat import COLUMNS, flat
from llmrec.results import Verdict

from .made import floor, made, margin


def test_a_run_is_held_against_its_strongest_floor_and_floors_against_the_run():
    floors = [floor("popularity", 0.2, margin(Verdict.yes, value=0.3)), floor("random", 0.1)]
    own, popularity, random = flat(Path("runs/a"), made(floors=floors))
    assert tuple(own) == COLUMNS
    assert (own["against"], own["difference"], own["beats"]) == ("popularity", 0.3, "yes")
    assert (own["difference_low"], own["difference_high"]) == (0.25, 0.35)
    assert (popularity["against"], popularity["difference"], popularity["beats"]) == ("mine", -0.3, "no")
    assert (popularity["difference_low"], popularity["difference_high"]) == (-0.35, -0.25)
    assert (random["against"], random["difference"], random["beats"]) == ("", None, "")
