import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from llmrec.config import build
from llmrec.decoding.base import Decoding
from llmrec.decoding.beam import Beam
from llmrec.errors import ConfigError
from llmrec.model.base import Model

CONF = Path(__file__).parents[3] / "conf"
# A file that chooses for other groups needs the whole root; tests/conf composes it.
NAMES = sorted(
    file.stem
    for file in (CONF / "model").glob("*.yaml")
    if not file.stem.startswith("_") and "override " not in file.read_text()
)


def composed(folder: Path, *overrides: str) -> DictConfig:
    """Compose the model group alone."""
    root = {
        "defaults": ["_self_", {"model": "tiny"}],
        "weights": "pretrained",
        "hydra": {"searchpath": [f"file://{CONF}"]},
    }
    OmegaConf.save(OmegaConf.create(root), folder / "root.yaml")
    with initialize_config_dir(str(folder), version_base="1.3"):
        whole = compose("root", list(overrides))
    OmegaConf.resolve(whole)
    return whole.model


@pytest.mark.parametrize("name", NAMES)
def test_every_model_is_built_from_its_yaml(tmp_path, name):
    path = ["model.path=somewhere"] if name in ("hf", "replay") else []
    path += ["model.base_url=http://localhost/v1"] if name == "served" else []
    node = composed(tmp_path, f"model={name}", *path)
    assert node.description
    assert build(node, Model, "model").name == name


def test_a_checkpoint_without_a_path_is_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match=r"model\.path"):
        build(composed(tmp_path, "model=hf"), Model, "model")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.device=gpu", "model.device: 'gpu' is no device; give auto, cpu, mps, cuda or cuda:<number>"),
        ("model.dtype=int3", "model.dtype"),
        ("model.batch_tokens=0", "model.batch_tokens: 0 is too small"),
        ("model.max_length=-1", "model.max_length: -1 is too small"),
        ("model.weights=random", "model.weights"),
        ("model.padding_side=middle", "model.padding_side"),
        ("+model.template_options.tokenize=true", "model.template_options.tokenize: is llmrec's own to say"),
        ("model.architecture=null", "model.shape: describes an architecture, but that is null"),
    ],
)
def test_a_setting_out_of_its_choices_is_refused_by_name(tmp_path, override, message):
    with pytest.raises(ConfigError) as caught:
        build(composed(tmp_path, override), Model, "model")
    assert message in str(caught.value)


def test_the_root_says_whether_weights_are_random_and_a_model_may_say_otherwise(tmp_path):
    assert composed(tmp_path, "model=qwen").weights == "pretrained"
    assert composed(tmp_path, "model=qwen", "weights=random_tiny").weights == "random_tiny"
    assert composed(tmp_path, "model=tiny").weights == "random_tiny"


def test_one_device_and_a_map_over_all_devices_exclude_each_other(tmp_path):
    node = composed(tmp_path, "model.device=cpu", "model.device_map=auto")
    with pytest.raises(ConfigError, match="leave device at auto, or device_map at null"):
        build(node, Model, "model")


def test_local_models_serve_the_decodings_that_write_text_and_no_others(tiny):
    beam = Beam(
        name="beam", max_new_tokens=1, lines=None, num_beams=2, num_return_sequences=1, length_penalty=1.0
    )
    assert tiny().serves(beam)
    assert not tiny().serves(Decoding(name="else"))
    assert tiny().answers() is None


def test_the_config_classes_import_neither_torch_nor_transformers():
    light = ("floors", "means", "factors", "mlp", "blind", "text", "counts", "neighbors", "bpr", "simplex")
    recommenders = [f"recommender.{name}" for name in (*light, "sequence", "trained")]
    modules = [*recommenders, "replay", "local.model", "local.gguf", "local.checkpoint"]
    imports = "\n".join(f"import llmrec.model.{module}" for module in modules)
    names = {"torch", "transformers", "tokenizers", "numpy", "sklearn", "cornac"}
    heavy = f"print(sorted({names} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{imports}\n{heavy}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
