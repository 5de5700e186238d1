"""`llmrec run`: one run, with -m one for every combination of choices, or an experiment of several runs."""

import os

from llmrec.commands.composing import register
from llmrec.commands.jobs import Jobs
from llmrec.commands.studying import run_study, study_of, swept
from llmrec.commands.words import own_folder
from llmrec.config import CONFIG_DIR

HELP = """usage: llmrec run [GROUP=NAME ...] [KEY=VALUE ...] [-m] [Hydra's flags]

  llmrec run task=rating dataset=gift_cards model=smollm2 limit=16
  llmrec run -m task=rating,direct prompt=zero_shot,few_shot,cot limit=64
  llmrec run experiment=size model=popularity,smollm2 limit=500
  llmrec run model=hf model.path=Qwen/Qwen3-0.6B dataset=beauty task=sequential

The same choices find the same folder again: what is there already is not computed twice, and a run
that was stopped goes on. hydra.run.dir=DIR puts the folder elsewhere. An experiment that consists of several
runs (llmrec list experiment) makes them as -m would, your choices in place of its own, and then its page.

  -m, --multirun      one run for every combination of comma-separated values
  --cfg job           print the composed config and stop       (llmrec show does the same)
  --info              what Hydra found where
  --config-dir DIR    a folder of your own groups: DIR/model/mine.yaml gives model=mine
  -sc install=bash    tab completion: eval "$(llmrec run -sc install=bash)"
  --hydra-help        all of Hydra's flags

Choices: llmrec list. Every setting: llmrec show."""


def main(argv: list[str]) -> int:
    if "--help" in argv or "-h" in argv:
        print(HELP)
        return 0
    register()
    if folder := own_folder(argv):
        os.environ[CONFIG_DIR] = folder  # for the processes that a launcher makes, too
    asked = study_of(argv)
    if asked is not None:
        return run_study(asked)
    jobs = Jobs(swept(argv))
    jobs.run(argv)
    jobs.show()
    return 1 if jobs.failed else 0
