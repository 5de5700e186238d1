"""A training from pairs to a folder with what was learned; a second call goes on where one was killed."""

import math
import pickle
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import transformers
from safetensors import SafetensorError

from llmrec.errors import BackendError, DataError, one_line
from llmrec.files import made_once
from llmrec.finetune.arguments import arguments
from llmrec.finetune.course import Course, Encodings
from llmrec.finetune.encoding import Collator, encode
from llmrec.finetune.packing import made_packable
from llmrec.finetune.record import save
from llmrec.finetune.settings import Best, SftSettings
from llmrec.finetune.trainer import Look, SftTrainer, Telling, last_whole, put_back
from llmrec.model.local.adapter import with_adapter
from llmrec.model.local.library import is_out_of_memory, quiet
from llmrec.model.local.loaded import Loaded
from llmrec.model.local.loading import forget, load_to_learn
from llmrec.model.local.session import LocalSession
from llmrec.processes import count
from llmrec.stopping import finishing

TOO_LONG = "over_max_tokens"
NO_WHOLE_STEP = "no_whole_step"
# How torch tells that a file could not be written.
WRITE_SIGNS = ("PytorchStreamWriter", "inline_container", "iostream", "No space left", "unexpected pos")


def learn(course: Course, folder: Path) -> None:
    """Train, and write what was learned to `folder`; checkpoints stand beside it until then.

    Raises BackendError when the loss is no number or memory runs out, DataError when the disk is full.
    """
    method = course.method
    work = folder.with_name(f"{folder.name}.training")
    loaded = load_to_learn(course.model, course.checkpoint, method.quantize, whole=method.peft is None)
    try:
        with explained_training(work), quiet():
            transformers.set_seed(course.place.seed)
            session = LocalSession(adapted(loaded, method), course.model, course.place.seed)
            encodings = encoded(course, session)
            trainer = trained(course, session, encodings, work)
            put_back(trainer.tuned, work / f"checkpoint-{trainer.state.best_global_step}")
        if trainer.is_world_process_zero():
            made_once(folder, lambda partial: save(partial, folder.name, trainer, course, encodings))
            keep_logs(work, folder)
            shutil.rmtree(work)
        trainer.accelerator.wait_for_everyone()
    finally:
        forget(loaded.device)


def keep_logs(work: Path, folder: Path) -> None:
    """Move what was written for tensorboard out of the way of the checkpoints' end."""
    if (work / "runs").is_dir():
        shutil.move(work / "runs", folder.with_name(f"{folder.name}.logs"))


def adapted(loaded: Loaded, method: SftSettings) -> Loaded:
    """Return the model with what is to be learned in it: a new adapter, or every weight."""
    if method.peft is None:
        return replace(loaded, model=loaded.model.requires_grad_(True))
    # Importing peft takes seconds.
    import peft

    kind = "SEQ_2_SEQ_LM" if loaded.encoder_decoder else "CAUSAL_LM"
    try:
        config = peft.get_peft_config({"task_type": kind, **method.peft})
        if method.quantize:
            prepare: Any = peft.prepare_model_for_kbit_training
            loaded = replace(
                loaded,
                model=prepare(loaded.model, method.gradient_checkpointing),
            )
        return with_adapter(loaded, peft.get_peft_model(loaded.model, config))
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise BackendError(
            f"finetune.peft: {method.peft} does not go with {loaded.name} ({one_line(error)}); see peft's "
            "config of that peft_type"
        ) from error


def encoded(course: Course, session: LocalSession) -> Encodings:
    """Return the pairs as ids: those short enough, in whole steps. Raises DataError when there is none."""
    method, lessons = course.method, course.lessons
    ids = {
        name: encode(pairs, session.renderer, session.loaded, method.max_tokens)
        for name, pairs in (("train", lessons.train), ("valid", lessons.valid))
    }
    whole = len(ids["train"]) - len(ids["train"]) % method.batch_size
    if not whole:
        raise DataError(
            f"finetune.batch_size: {method.batch_size} is more than the {len(ids['train'])} training pairs "
            f"of at most {method.max_tokens} tokens (of {len(lessons.train)}); give a smaller batch_size, or "
            "more data"
        )
    reasons = {
        TOO_LONG: len(lessons.train) - len(ids["train"]),
        # So that every device gets as many pairs, and no step fewer than another.
        NO_WHOLE_STEP: len(ids["train"]) - whole,
    }
    left_out = lessons.left_out | {reason: count for reason, count in reasons.items() if count}
    return Encodings(train=ids["train"][:whole], valid=ids["valid"], left_out=left_out)


def trained(course: Course, session: LocalSession, encodings: Encodings, work: Path) -> SftTrainer:
    """Train from the last whole checkpoint in `work`, or from the start."""
    method = course.method
    steps = math.ceil(method.epochs * len(encodings.train) / method.batch_size)
    trainer = made_ready(course, session, encodings, work, steps)
    begun = last_whole(work)
    for checkpoint in set(work.glob("checkpoint-*")) if begun is None else ():
        shutil.rmtree(checkpoint)
    with course.place.progress.bar(f"training {method.name}", steps, "steps") as advance:
        trainer.add_callback(Telling(advance))
        # Of several processes each would stop at a step of its own, and wait for the others.
        with finishing() if count() == 1 else nullcontext():
            trainer.train(resume_from_checkpoint=str(begun) if begun else None)
    return trainer


def made_ready(
    course: Course, session: LocalSession, encodings: Encodings, work: Path, steps: int
) -> SftTrainer:
    """Return a trainer for so many steps. Raises BackendError for arguments or reports it does not know."""
    method, loaded = course.method, session.loaded
    collator = Collator(
        pad_token=loaded.pad_token,
        encoder_decoder=loaded.encoder_decoder,
        start_token=loaded.model.generation_config.decoder_start_token_id,
        packing=packs(loaded, method),
    )
    args = arguments(course, loaded, work, steps)
    try:
        trainer = SftTrainer(
            look=lambda: look(course, session),
            model=loaded.model,
            processing_class=loaded.tokenizer,
            args=args,
            data_collator=collator,
            train_dataset=encodings.train,
            eval_dataset=encodings.valid,
        )
    except (ImportError, RuntimeError, ValueError) as error:
        if not method.report_to:
            raise
        raise BackendError(f"finetune.report_to: {one_line(error)}") from error
    if method.patience is not None:
        trainer.add_callback(transformers.EarlyStoppingCallback(method.patience))
    return trainer


def packs(loaded: Loaded, method: SftSettings) -> bool:
    """Say whether pairs are packed. Raises BackendError where they are to be, and cannot."""
    if method.packing is False or method.prompt_learning:
        return False
    able = made_packable(loaded)
    if method.packing and not able:
        raise BackendError(
            f"finetune.packing: pairs in one row would not keep apart in {loaded.name}, so the loss would be "
            "wrong; set finetune.packing=null"
        )
    return able


def look(course: Course, session: LocalSession) -> Look:
    """Have the model answer validation rows; nothing where none are to be answered."""
    found = course.lessons.validate(session)
    if found is None:
        return Look(None, {})
    scores = {result.id: result.value for result in found.results if result.value is not None}
    if course.method.best is Best.loss:
        return Look(None, scores)
    value = found.main.value if found.main.value is not None else -math.inf
    return Look(value if found.main.higher_is_better else -value, scores)


@contextmanager
def explained_training(work: Path) -> Iterator[None]:
    """Turn what a full memory or disk, or a checkpoint that is none, makes the libraries raise into errors of
    one line."""
    try:
        yield
    except (pickle.UnpicklingError, EOFError) as error:
        first = str(error).partition("\n")[0]
        raise DataError(
            f"{work}: a checkpoint there holds more than numbers ({first}); remove the folder to train anew"
        ) from error
    except (OSError, SafetensorError, RuntimeError) as error:
        first = one_line(error)
        if is_out_of_memory(error):
            raise BackendError(
                f"finetune: out of memory in training ({first}); lower finetune.micro_batch, or set "
                "finetune.gradient_checkpointing=true; the same command goes on from the last checkpoint"
            ) from error
        if isinstance(error, (OSError, SafetensorError)) or any(sign in first for sign in WRITE_SIGNS):
            raise DataError(
                f"{work}: a checkpoint cannot be written ({first}); make room there: the same command goes "
                "on from the last whole one"
            ) from error
        raise
