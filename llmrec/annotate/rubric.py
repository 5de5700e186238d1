"""What raters score a text by."""

import re
from pathlib import Path

import msgspec
from msgspec import Struct
from yaml import YAMLError

from llmrec.errors import ConfigError, one_line
from llmrec.files import UNREADABLE, plain_yaml

SCALE = (1, 2, 3, 4, 5)
MOST_CRITERIA = 9

_ID = re.compile(r"[a-z][a-z0-9_-]{0,31}")


class Criterion(Struct, frozen=True, forbid_unknown_fields=True):
    """A question answered on SCALE; `low` and `high` say what its ends mean."""

    id: str
    question: str
    low: str
    high: str


class Rubric(Struct, frozen=True, forbid_unknown_fields=True):
    """The criteria in the order in which they are asked."""

    criteria: tuple[Criterion, ...]


def default_path() -> Path:
    """Return where the package keeps its rubric."""
    return Path(__file__).with_name("rubric.yaml")


def read_rubric(path: Path) -> Rubric:
    """Return the rubric of a YAML file. Raises ConfigError where it is none."""
    try:
        rubric = msgspec.yaml.decode(plain_yaml(path), type=Rubric)
    except (OSError, ValueError, YAMLError, *UNREADABLE) as error:
        raise ConfigError(
            f"{path}: no rubric ({one_line(error)}); copy {default_path()} and change it"
        ) from error
    ids = [criterion.id for criterion in rubric.criteria]
    if not 1 <= len(ids) <= MOST_CRITERIA:
        raise ConfigError(f"{path}: {len(ids)} criteria; give 1 to {MOST_CRITERIA}")
    for id in ids:
        if not _ID.fullmatch(id):
            raise ConfigError(f"{path}: '{id}' is no id of a criterion; use small letters, digits, - and _")
        if ids.count(id) > 1:
            raise ConfigError(f"{path}: criterion {id} stands there {ids.count(id)} times; give each an id")
    return rubric
