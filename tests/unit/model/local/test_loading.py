import errno
import json
import logging
import os

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from llmrec.decoding.greedy import Greedy
from llmrec.errors import BackendError
from llmrec.model.local.device import pick_device, pick_dtype
from llmrec.model.local.library import is_out_of_memory
from llmrec.model.local.loading import forget
from llmrec.model.local.settings import Attention, DeviceMap, Dtype, Side
from llmrec.model.local.tiny import byte_tokenizer
from llmrec.progress import Silent

GREEDY = Greedy(name="greedy", max_new_tokens=6, lines=None)


@pytest.fixture
def tiny_folder(tiny, cache_dir, tmp_path):
    """A copy of the tiny checkpoint, to be spoilt."""
    source = tiny().checkpoint(cache_dir, Silent()).path
    folder = tmp_path / "copy"
    transformers.AutoModelForCausalLM.from_pretrained(source).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


def rewrite(file, **changes):
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_equal_settings_share_the_weights_and_other_settings_load_anew(tiny, open_session):
    first = open_session(tiny())
    assert open_session(tiny(max_batch=2)).loaded is first.loaded
    assert open_session(tiny(attention=Attention.eager)).loaded is not first.loaded


@pytest.mark.parametrize("name", ["chat_template.jinja", "tokenizer_config.json", "generation_config.json"])
def test_a_share_lost_while_a_file_is_looked_for_is_told(
    name, pretrained, open_session, tiny_folder, monkeypatch
):
    """Left to itself transformers would take the file for missing, and every prompt would be another."""
    stat, asks, forgetful = os.stat, os.path.isfile, pretrained(str(tiny_folder))

    def lost(path, *words, **settings):
        if isinstance(path, str) and path.endswith(name):  # as libraries ask; pathlib gives its own
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), path)
        return stat(path, *words, **settings)

    monkeypatch.setattr(os, "stat", lost)
    with pytest.raises(BackendError, match=r"cannot be read \(.*Stale file handle.*\); look after the disk"):
        open_session(forgetful)
    assert os.path.isfile is asks


def test_a_folder_that_changed_is_loaded_anew(pretrained, open_session, tiny_folder):
    before = open_session(pretrained(str(tiny_folder))).loaded
    weights = load_file(tiny_folder / "model.safetensors")
    save_file(
        {name: tensor * 0 for name, tensor in weights.items()},
        tiny_folder / "model.safetensors",
        {"format": "pt"},
    )
    after = open_session(pretrained(str(tiny_folder))).loaded
    assert before is not after
    assert after.model.lm_head.weight.abs().sum() == 0


def test_how_the_checkpoint_would_draw_does_not_show_and_nothing_is_said(
    pretrained, open_session, tiny_folder, ask, caplog, capfd
):
    plain = open_session(pretrained(str(tiny_folder))).complete([ask("q", "red")], GREEDY)
    rewrite(
        tiny_folder / "generation_config.json",
        do_sample=True,
        temperature=9.0,
        top_k=3,
        repetition_penalty=5.0,
        num_beams=4,
        max_length=7,
    )
    transformers.utils.logging.enable_propagation()
    with caplog.at_level(logging.WARNING):
        drawn = open_session(pretrained(str(tiny_folder))).complete([ask("q", "red")], GREEDY)
    transformers.utils.logging.disable_propagation()
    assert drawn == plain
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_every_end_token_of_tokenizer_and_checkpoint_ends_a_text(pretrained, open_session, tiny_folder):
    rewrite(tiny_folder / "generation_config.json", eos_token_id=[3, 4])
    loaded = open_session(pretrained(str(tiny_folder))).loaded
    assert loaded.end_tokens == {3, 4, loaded.tokenizer.eos_token_id}
    assert loaded.model.generation_config.eos_token_id == sorted(loaded.end_tokens)


def test_further_end_tokens_of_the_settings_end_a_text_too(pretrained, open_session, tiny_folder, ask):
    plain = open_session(pretrained(str(tiny_folder)))
    assert plain.complete([ask("q", "red")], GREEDY)[0].finish_reason == "length"
    [prompt] = plain.renderer.encode([ask("q", "red").prompt.messages])
    [output] = plain.loaded.model.generate(torch.tensor([prompt]), max_new_tokens=6).tolist()
    written = output[len(prompt) :]
    [stop] = byte_tokenizer().convert_ids_to_tokens(written[2:3])
    session = open_session(pretrained(str(tiny_folder), end_tokens=[stop]))
    done = session.complete([ask("q", "red")], GREEDY)[0]
    assert (done.finish_reason, done.completion_tokens) == ("stop", written.index(written[2]) + 1)
    assert session.loaded.end_tokens == {byte_tokenizer().eos_token_id, written[2]}


def test_a_pad_token_of_the_settings_fills_the_batch_and_changes_no_text(
    pretrained, open_session, tiny_folder, ask
):
    requests = [ask("a", "red"), ask("b", "something a good deal longer")]
    own = open_session(pretrained(str(tiny_folder))).complete(requests, GREEDY)
    session = open_session(pretrained(str(tiny_folder), pad_token="a"))
    padding = byte_tokenizer().convert_tokens_to_ids("a")
    assert session.loaded.pad_token == session.loaded.model.generation_config.pad_token_id == padding
    assert session.complete(requests, GREEDY) == own


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"pad_token": "<pad>"}, r"model\.pad_token: '<pad>' is no one token of the tokenizer"),
        ({"end_tokens": ["<|ende|>"]}, r"model\.end_tokens: '<\|ende\|>' is no .*'<\|end\|>'\?"),
        ({"padding_side": Side.right}, r"model\.padding_side: 'right' puts padding between .* use null"),
        ({"config": {"slidng": 3}}, r"model\.config\.slidng: no such setting of a llama checkpoint"),
        ({"config": {"rms_norm_eps": "tiny"}}, r"model\.config\.rms_norm_eps: 'tiny' does not fit"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_a_setting_that_the_checkpoint_cannot_take_is_refused_by_name(
    pretrained, open_session, tiny_folder, settings, told
):
    with pytest.raises(BackendError, match=f"^{told}[^\n]*$"):
        open_session(pretrained(str(tiny_folder), **settings))


def test_settings_of_the_config_are_changed_on_loading(tiny, open_session, ask):
    text = [ask("q", "red")]
    mistral = {"architecture": "mistral", "shape": {"sliding_window": None}}
    whole, cut = (open_session(tiny(**mistral, config=c)) for c in ({}, {"sliding_window": 4}))
    assert cut.loaded.model.config.sliding_window == 4
    assert cut.complete(text, GREEDY)[0].texts != whole.complete(text, GREEDY)[0].texts


def test_missing_weights_are_refused_not_drawn_at_random(pretrained, open_session, tiny_folder):
    weights = load_file(tiny_folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, tiny_folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(
        BackendError, match=r"lacks 1 weights \(first: model\.layers\.1\.mlp\.up_proj\.weight\)"
    ):
        open_session(pretrained(str(tiny_folder)))


def test_truncated_weights_are_one_line(pretrained, open_session, tiny_folder):
    file = tiny_folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(BackendError, match=r"^model\.path: '.*' cannot be loaded \([^\n]*$"):
        open_session(pretrained(str(tiny_folder)))


def test_code_of_its_own_is_refused_until_it_is_allowed_by_name(pretrained, open_session, tmp_path):
    config = {"model_type": "own", "auto_map": {"AutoConfig": "own.OwnConfig"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "own.py").write_text("raise SystemExit('ran')")
    with pytest.raises(BackendError, match=r"runs Python code of its own; .* model\.trust_remote_code=true"):
        open_session(pretrained(str(tmp_path)))


def test_an_encoder_decoder_checkpoint_reads_and_writes(pretrained, open_session, tmp_path, ask):
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = None
    tokenizer.save_pretrained(tmp_path)
    config = transformers.T5Config(
        vocab_size=len(tokenizer),
        d_model=16,
        d_kv=8,
        d_ff=32,
        num_layers=1,
        num_heads=2,
        initializer_factor=5.0,
        decoder_start_token_id=0,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    torch.manual_seed(1)
    transformers.T5ForConditionalGeneration(config).save_pretrained(tmp_path)
    requests = [ask("a", "red"), ask("b", "something a good deal longer")]
    session = open_session(pretrained(str(tmp_path)))
    together = session.complete(requests, GREEDY)
    assert [session.complete([request], GREEDY)[0] for request in requests] == together
    assert together[0].prompt_tokens == len("red\nAnswer:")
    assert 1 <= together[0].completion_tokens <= 6
    assert session.environment["template"] == "plain"
    ids = tokenizer("red\nAnswer:", return_tensors="pt").input_ids
    plain = session.loaded.model.generate(ids, max_new_tokens=6)
    other = open_session(pretrained(str(tmp_path), padding_side=Side.left))
    assert (session.loaded.padding_side, other.loaded.padding_side) == (Side.right, Side.left)
    assert other.complete(requests, GREEDY) == together
    assert together[0].texts == (tokenizer.decode(plain[0, 1:], skip_special_tokens=True),)


def test_layers_spread_by_accelerate_give_the_same_text(tiny, open_session, ask):
    spread = open_session(tiny(device="auto", device_map=DeviceMap.auto))
    done = spread.complete([ask("q", "red")], GREEDY)
    if not torch.cuda.is_available():
        assert spread.environment["device"] == "cpu"
        assert done == open_session(tiny()).complete([ask("q", "red")], GREEDY)


def test_a_device_that_is_not_there_names_the_way_out():
    with pytest.raises(
        BackendError, match=r"model\.device: 'cuda:99', but this torch sees .* model\.device=auto"
    ):
        pick_device("cuda:99")


@pytest.mark.parametrize(
    ("can", "dtype"),
    [
        ({"avx2": True, "amx_bf16": False}, torch.float32),
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"neon": True, "bf16": True}, torch.bfloat16),
    ],
)
def test_auto_is_bfloat16_on_a_cpu_that_has_units_for_it(can, dtype, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: can)
    assert pick_dtype(Dtype.auto, torch.device("cpu")) is dtype
    for asked in (Dtype.float32, Dtype.bfloat16):
        assert pick_dtype(asked, torch.device("cpu")) is getattr(torch, asked)


def test_auto_is_float16_on_mps():
    assert pick_dtype(Dtype.auto, torch.device("mps")) is torch.float16


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (torch.OutOfMemoryError("CUDA"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), True),
        (RuntimeError("device-side assert triggered"), False),
    ],
)
def test_out_of_memory_is_known_by_type_or_words(error, memory):
    assert is_out_of_memory(error) is memory


def test_attention_is_not_planned_anew_for_every_shape(tiny, open_session):
    forget(torch.device("cpu"))
    torch.backends.cuda.enable_cudnn_sdp(True)
    open_session(tiny())
    assert not torch.backends.cuda.cudnn_sdp_enabled()
