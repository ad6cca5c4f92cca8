"""A venue that was closed and one that was killed, and an audit of either."""

from pathlib import Path

import pytest

from fxengine.audit import Findings, verify
from fxengine.reference import Core
from tests.unit.audit.spoiling import Audit, Traded, copy_of, trade


@pytest.fixture(scope="session")
def closed_once(tmp_path_factory: pytest.TempPathFactory, seed: int) -> Traded:
    return trade(tmp_path_factory.mktemp("closed"), seed, closed=True)


@pytest.fixture(scope="session")
def killed_once(tmp_path_factory: pytest.TempPathFactory, seed: int) -> Traded:
    return trade(tmp_path_factory.mktemp("killed"), seed, closed=False)


@pytest.fixture
def closed(closed_once: Traded, tmp_path: Path) -> Traded:
    """A venue that was closed cleanly; the test may spoil it."""
    return copy_of(closed_once, tmp_path / "closed")


@pytest.fixture
def killed(killed_once: Traded, tmp_path: Path) -> Traded:
    """A venue that was killed and not started again; the test may spoil it."""
    return copy_of(killed_once, tmp_path / "killed")


@pytest.fixture
def audit() -> Audit:
    """Verify with the reference core alone: what is told of the compiled one has tests of its own."""

    def run(traded: Traded, **options: object) -> Findings:
        return verify(traded.data_dir, **({"core_types": (Core,)} | options))  # type: ignore[arg-type]

    return run
