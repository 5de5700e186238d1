"""Every data set's YAML composes, and becomes the class that it names."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from llmrec.config import build
from llmrec.dataset.base import Dataset

CONF = Path(__file__).resolve().parents[3] / "conf"
NAMES = sorted(path.stem for path in (CONF / "dataset").glob("[!_]*.yaml"))


@pytest.fixture
def composed(tmp_path):
    (tmp_path / "root.yaml").write_text(
        f"defaults:\n  - dataset: demo\n  - _self_\nhydra:\n  searchpath: ['file://{CONF}']\n"
    )

    def read(*overrides: str) -> DictConfig:
        with initialize_config_dir(str(tmp_path), version_base="1.3"):
            return compose("root", list(overrides)).dataset

    return read


@pytest.mark.parametrize("name", NAMES)
def test_a_data_set_composes_and_is_named_after_its_file(composed, name):
    node = composed(f"dataset={name}")
    assert node.name == name
    assert len(node.description.splitlines()) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_data_set_is_built_with_every_setting(composed, name):
    assert build(composed(f"dataset={name}"), Dataset, "dataset").name == name


def test_metadata_can_be_left_out_on_the_command_line(composed):
    assert composed("dataset=beauty", "dataset.metadata=null").metadata is None
