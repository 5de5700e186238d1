import json

import pytest
import torch
from safetensors import safe_open

from llmrec.model.local.chatglm import converted
from llmrec.progress import Silent

FIRST = "transformer.encoder.layers.0."


def test_weights_keep_their_dtype(original, pieces, tmp_path):
    made = original(3)
    made.weights = {name: weight.half() for name, weight in made.weights.items()}
    folder = converted(made.write(tmp_path / "source", pieces, ".bin"), tmp_path, Silent())
    assert json.loads((folder / "config.json").read_text())["dtype"] == "float16"
    kinds = set()
    for file in folder.glob("*.safetensors"):
        with safe_open(file, "pt") as stored:
            kinds |= {stored.get_tensor(name).dtype for name in stored.keys()}  # noqa: SIM118
    assert kinds == {torch.float16}


def test_a_missing_shard_is_named(original, pieces, tmp_path, refused):
    source = original(3).write(tmp_path / "source", pieces, ".bin", 3)
    (source / "pytorch_model-00002-of-00003.bin").unlink()
    refused(source, r"lacks pytorch_model-00002-of-00003\.bin, which pytorch_model\.bin\.index")


def test_a_folder_without_weights_is_refused(original, pieces, tmp_path, refused):
    source = original(3).write(tmp_path / "source", pieces)
    for file in source.glob("model*"):
        file.unlink()
    refused(source, "has no weights")


def test_a_missing_weight_is_named_as_its_makers_name_it(original, pieces, tmp_path, refused):
    made = original(3)
    del made.weights[FIRST + "self_attention.query_key_value.bias"]
    source = made.write(tmp_path / "source", pieces)
    refused(source, r"lacks 1 weights \(first: \S*layers\.0\.self_attention\.query_key_value\.bias\)")


@pytest.mark.parametrize("name", ["transformer.prefix_encoder.embedding.weight", FIRST + "mlp.extra.weight"])
def test_a_weight_that_is_not_known_is_named(original, pieces, tmp_path, refused, name):
    made = original(3)
    made.weights[name] = torch.zeros(3)
    refused(made.write(tmp_path / "source", pieces), f"has the weight {name}")


def test_a_layer_beyond_the_config_is_refused(original, pieces, tmp_path, refused):
    made = original(3)
    made.config["num_layers"] = 1
    refused(made.write(tmp_path / "source", pieces), r"has the weight transformer\.encoder\.layers\.1\.")


@pytest.mark.parametrize("name", ["self_attention.query_key_value.weight", "mlp.dense_4h_to_h.weight"])
def test_a_weight_of_another_shape_is_refused_by_name(original, pieces, tmp_path, refused, name):
    made = original(3)
    made.weights[FIRST + name] = made.weights[FIRST + name][:-1].clone()
    refused(made.write(tmp_path / "source", pieces), f"{name} gives model.* the shape")


def test_quantised_weights_are_refused(original, pieces, tmp_path, refused):
    made = original(3)
    made.weights = {name: weight.to(torch.int8) for name, weight in made.weights.items()}
    refused(made.write(tmp_path / "source", pieces), "has weights in int8")


@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
@pytest.mark.parametrize("content", [b"", b"nonsense", b"version https://git-lfs.github.com/spec/v1\n"])
def test_corrupt_weights_are_one_line(original, pieces, tmp_path, refused, suffix, content):
    source = original(3).write(tmp_path / "source", pieces, suffix)
    next(source.glob(f"*00002{suffix}")).write_bytes(content)
    refused(source, "")


def test_truncated_weights_are_one_line(original, pieces, tmp_path, refused):
    source = original(3).write(tmp_path / "source", pieces, ".bin")
    file = source / "pytorch_model-00001-of-00002.bin"
    file.write_bytes(file.read_bytes()[:2000])
    refused(source, "")


def test_code_in_weights_is_not_run(original, pieces, tmp_path, refused):
    source = original(3).write(tmp_path / "source", pieces, ".bin", 1)
    torch.save({"transformer.output_layer.weight": Runs()}, source / "pytorch_model-00001-of-00001.bin")
    refused(source, "is no file of weights alone")


class Runs:
    def __reduce__(self):
        return (exec, ("raise SystemExit('ran')",))
