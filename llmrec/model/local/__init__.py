"""Models whose weights lie in this process's memory, run by transformers."""
