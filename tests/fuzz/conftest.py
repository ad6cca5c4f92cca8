"""A folder for sockets."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fix_identities import fix_identities

__all__ = ["fix_identities"]


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder with a short name: a socket's path has room for 107 characters only."""
    folder = Path(tempfile.mkdtemp(prefix="fx-"))
    yield folder
    shutil.rmtree(folder)
