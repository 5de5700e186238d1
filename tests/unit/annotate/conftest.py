"""Finished runs whose texts are rated."""

from pathlib import Path

import pytest
from annotated import LINES, finished


@pytest.fixture(scope="package")
def runs(tmp_path_factory) -> Path:
    return finished(tmp_path_factory.mktemp("runs"), tuple(LINES))
