"""A venue without sockets for the client's tests."""

from pathlib import Path

import pytest

from tests.unit.client.line import Counter


@pytest.fixture
def counter(tmp_path: Path) -> Counter:
    """A venue with money in its clients' accounts."""
    return Counter(tmp_path)
