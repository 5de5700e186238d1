"""A benchmark runner for large language models on recommendation."""
