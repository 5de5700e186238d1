"""`python -m llmrec`."""

from llmrec.cli import main

main()
