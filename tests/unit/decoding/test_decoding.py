from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from llmrec.config import build
from llmrec.decoding.base import Decoding
from llmrec.decoding.beam import Beam
from llmrec.decoding.greedy import Greedy
from llmrec.decoding.limits import has_lines
from llmrec.decoding.sample import Sample
from llmrec.errors import ConfigError

CONF = Path(__file__).parents[3] / "conf"


def composed(tmp_path: Path, *overrides: str) -> Decoding:
    """Build the decoding of a root that has a task of 12 answer tokens and nothing else."""
    root = {
        "defaults": ["_self_", {"decoding": "greedy"}],
        "task": {"answer_tokens": 12, "answer_lines": None},
        "hydra": {"searchpath": [f"file://{CONF}"]},
    }
    OmegaConf.save(OmegaConf.create(root), tmp_path / "root.yaml")
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        return build(compose("root", list(overrides)).decoding, Decoding, "decoding")


def test_greedy_takes_its_length_from_the_task(tmp_path):
    assert composed(tmp_path) == Greedy(name="greedy", max_new_tokens=12, lines=None)


def test_beam_keeps_one_text_by_default(tmp_path):
    expected = Beam(
        name="beam", max_new_tokens=12, lines=None, num_beams=4, num_return_sequences=1, length_penalty=1.0
    )
    assert composed(tmp_path, "decoding=beam") == expected


def test_sampling_is_set_from_the_command_line(tmp_path):
    built = composed(tmp_path, "decoding=sample", "decoding.temperature=1.5", "decoding.max_new_tokens=3")
    assert built == Sample(name="sample", lines=None, max_new_tokens=3, temperature=1.5, top_p=0.95, top_k=0)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (["decoding.max_new_tokens=0"], "decoding.max_new_tokens: 0 is too small; give 1 or more"),
        (["decoding=beam", "decoding.num_beams=1"], "decoding.num_beams: 1 is too small; give 2 or more"),
        (["decoding=beam", "decoding.num_return_sequences=5"], "5 is more than num_beams=4"),
        (["decoding=sample", "decoding.temperature=0"], "use decoding=greedy for 0"),
        (["decoding=sample", "decoding.top_p=1.1"], "1.1 is not above 0 and at most 1"),
        (["decoding=sample", "decoding.top_k=-1"], "decoding.top_k: -1 is too small"),
    ],
)
def test_a_number_out_of_bounds_is_refused_by_name(tmp_path, override, message):
    with pytest.raises(ConfigError) as caught:
        composed(tmp_path, *override)
    assert message in str(caught.value)


def test_auto_is_greedy_where_a_text_holds_the_whole_answer(tmp_path):
    assert composed(tmp_path, "decoding=auto").settled(False) == Greedy(
        name="greedy", max_new_tokens=12, lines=None
    )


def test_auto_ranks_the_likeliest_titles_where_a_text_names_one_item(tmp_path):
    settled = composed(tmp_path, "decoding=auto", "decoding.item_tokens=7").settled(True)
    expected = {"num_beams": 10, "num_return_sequences": 10, "length_penalty": 0.0}
    assert settled == Beam(name="beam", max_new_tokens=7, lines=None, **expected)


def test_what_is_chosen_by_name_is_left_as_it_is(tmp_path):
    greedy = composed(tmp_path, "decoding=greedy")
    assert greedy.settled(True) is greedy


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("4", 0),
        ("4\n", 1),
        ("\n\n4\n\n", 1),
        ("Here are ten:\n1. a\n2. b\n3", 2),
        ("以下：\na\n", 1),
    ],
)
def test_lines_count_when_they_are_complete_hold_words_and_announce_nothing(text, lines):
    assert has_lines(text, lines)
    assert not has_lines(text, lines + 1)
