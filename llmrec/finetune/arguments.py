"""A method in the words of transformers' Trainer."""

import math
import os
from pathlib import Path

import torch
import transformers

from llmrec.errors import BackendError, one_line
from llmrec.finetune.course import Course
from llmrec.model.local.device import pick_dtype
from llmrec.model.local.loaded import Loaded
from llmrec.processes import LONGEST_WAIT, count


def arguments(course: Course, loaded: Loaded, work: Path, steps: int) -> transformers.TrainingArguments:
    """Return the method in the Trainer's words. Raises BackendError where it does not know one of them."""
    method = course.method
    processes = count()
    if method.batch_size % (method.micro_batch * processes):
        raise BackendError(
            f"finetune.batch_size: {method.batch_size} is no multiple of micro_batch={method.micro_batch} "
            f"times {processes} processes; give a smaller micro_batch"
        )
    own = int(os.environ.get("LOCAL_RANK", "0"))
    if loaded.device.type == "cuda" and (loaded.device.index or 0) != own:
        raise BackendError(
            f"model.device: the Trainer learns on cuda:{own}, not on {loaded.device}; set model.device=auto, "
            "and choose the device by CUDA_VISIBLE_DEVICES"
        )
    try:
        made = as_arguments(course, loaded, work, steps, processes)
    except ValueError as error:
        raise BackendError(f"finetune: {one_line(error)}; see conf/finetune/_sft.yaml") from error
    # Several GPUs are for several processes: DataParallel would split rows that belong together.
    made._n_gpu = min(made.n_gpu, 1)
    return made


def as_arguments(
    course: Course, loaded: Loaded, work: Path, steps: int, processes: int
) -> transformers.TrainingArguments:
    method = course.method
    every = max(1, math.ceil(steps / method.evaluations))
    half = pick_dtype(course.model.dtype, loaded.device)
    return transformers.TrainingArguments(
        output_dir=str(work),
        num_train_epochs=method.epochs,
        per_device_train_batch_size=method.micro_batch,
        gradient_accumulation_steps=method.batch_size // (method.micro_batch * processes),
        learning_rate=method.learning_rate,
        lr_scheduler_type=method.schedule,
        warmup_steps=round(method.warmup * steps),
        weight_decay=method.weight_decay,
        max_grad_norm=method.max_grad_norm,
        activation_checkpointing=method.gradient_checkpointing,
        activation_checkpointing_kwargs={"use_reentrant": False} if method.gradient_checkpointing else None,
        bf16=half == torch.bfloat16,
        fp16=half == torch.float16,
        use_cpu=loaded.device.type == "cpu",
        seed=course.place.seed,
        data_seed=course.place.seed,
        eval_strategy="steps",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=2,
        metric_for_best_model="score",
        greater_is_better=True,
        logging_steps=max(1, steps // 100),
        logging_nan_inf_filter=False,
        report_to=list(method.report_to) or "none",
        run_name=f"{method.name}-{work.name[:8]}",
        disable_tqdm=True,
        remove_unused_columns=False,
        average_tokens_across_devices=True,
        ddp_find_unused_parameters=False,
        ddp_timeout=int(LONGEST_WAIT.total_seconds()),
    )
