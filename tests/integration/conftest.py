"""A real browser, for the pages that llmrec writes."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsed import browsed


@pytest.fixture(scope="session")
def folders(tmp_path_factory) -> list[Path]:
    """Return finished runs for the browser to show."""
    return browsed(tmp_path_factory.mktemp("browsed"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Return a headless Chromium: the system's, or the one that LLMREC_CHROMIUM names."""
    driver = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install 'llmrec[dev]'")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("LLMREC_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("needs chromium: apt-get install chromium, or name one in LLMREC_CHROMIUM")
    with driver.sync_playwright() as played:
        # Chromium refuses to sandbox itself for root, which tests in a container run as.
        opened = played.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()
