"""Others' training of the pairs in a file, in a process of its own: `training_peers.py TRAINER FILE`.

The file has the pairs as token ids in llmrec's order, the base's folder and the settings; nothing of llmrec
is imported, so that this runs in a peer's own environment too.
"""

import json
import os
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import bench

os.environ["HF_HUB_OFFLINE"] = "1"
IGNORED = -100


def adapted(told: dict[str, Any]) -> Any:
    """Return the base with a new adapter, from the same random numbers as llmrec's."""
    import peft
    import torch
    import transformers

    dtype = getattr(torch, told["dtype"])
    model = transformers.AutoModelForCausalLM.from_pretrained(told["base"], dtype=dtype)
    transformers.set_seed(told["seed"])
    return peft.get_peft_model(model, peft.LoraConfig(task_type="CAUSAL_LM", **told["peft"]))


def settings(told: dict[str, Any], folder: str) -> dict[str, Any]:
    return {
        "output_dir": folder,
        "num_train_epochs": 1,
        "per_device_train_batch_size": told["micro_batch"],
        "gradient_accumulation_steps": told["batch_size"] // told["micro_batch"],
        "learning_rate": told["learning_rate"],
        "lr_scheduler_type": "constant",
        "bf16": told["dtype"] == "bfloat16",
        "use_cpu": told["device"] == "cpu",
        "seed": told["seed"],
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "remove_unused_columns": False,
    }


def columns(told: dict[str, Any]) -> list[dict[str, list[int]]]:
    return [
        {"input_ids": prompt + target, "labels": [IGNORED] * len(prompt) + target}
        for prompt, target in told["pairs"]
    ]


def losses(log: list[dict[str, float]]) -> dict[str, float]:
    """Return the first, mean and last loss of a step, in nats a token."""
    steps = [entry["loss"] for entry in log if "loss" in entry]
    told = {"first": steps[0], "mean": sum(steps) / len(steps), "last": steps[-1]}
    return {name: round(loss, 4) for name, loss in told.items()}


def plain(told: dict[str, Any], folder: str, grouped: bool) -> Any:
    """Return transformers' Trainer over llmrec's steps, or over its own batches of like length: those that
    it makes of much data, in megabatches of fifty."""
    import transformers
    from transformers.trainer_pt_utils import get_length_grouped_indices

    class Ordered(transformers.Trainer):
        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            if not grouped:
                return range(len(told["pairs"]))
            lengths = [len(prompt) + len(target) for prompt, target in told["pairs"]]
            return get_length_grouped_indices(lengths, told["batch_size"], mega_batch_mult=50)

    tokenizer = transformers.AutoTokenizer.from_pretrained(told["base"])
    return Ordered(
        model=adapted(told),
        args=transformers.TrainingArguments(**settings(told, folder)),
        train_dataset=columns(told),
        data_collator=transformers.DataCollatorForSeq2Seq(tokenizer),
    )


def packed(told: dict[str, Any], folder: str) -> Any:
    """Return trl's trainer over packed rows of its usual 1,024 tokens, a row at a time, as many rows a step
    as hold llmrec's pairs of a step."""
    import transformers
    import trl
    from datasets import Dataset

    rows = columns(told)
    mean = sum(len(row["input_ids"]) for row in rows) / len(rows)
    args = settings(told, folder) | {
        "per_device_train_batch_size": 1,
        "gradient_accumulation_steps": max(1, round(told["batch_size"] * mean / 1024)),
        "packing": True,
        "max_length": 1024,
        "gradient_checkpointing": False,
    }
    return trl.SFTTrainer(
        model=adapted(told),
        args=trl.SFTConfig(**args),
        train_dataset=Dataset.from_list(rows),
        processing_class=transformers.AutoTokenizer.from_pretrained(told["base"]),
    )


def main() -> None:
    kind, told = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
    with tempfile.TemporaryDirectory() as folder:
        trainer = packed(told, folder) if kind == "trl" else plain(told, folder, kind == "grouped")
        with bench.work(tokens=sum(len(prompt) + len(target) for prompt, target in told["pairs"])) as found:
            trainer.train()
            found |= losses(trainer.state.log_history)
            found |= {"trl": version("trl")} if kind == "trl" else {}


if __name__ == "__main__":
    main()
