"""Ledgers of every backend, and the batches to post to them."""

import random
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fxengine.chain.deployment import Deployment
from fxengine.ledger import Cursor, Ledger, open_ledger
from fxengine.ledger.check_batches import VENUE, Books
from fxengine.ledger.postgres_connection import drop_schema
from fxengine.venue import Venue
from fxengine.venue_file import parse_venue
from tests.postgres_server import PostgresServer


@pytest.fixture(scope="session")
def venue() -> Venue:
    return parse_venue(VENUE)


@pytest.fixture(scope="session")
def other_venue() -> Venue:
    return parse_venue(VENUE.replace("check-venue", "other-venue"))


@pytest.fixture
def books(venue: Venue, seed: int) -> Books:
    return Books(venue, random.Random(seed))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.remove()


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a schema that nobody else uses; it is dropped in the end."""
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.url(f"books_{secrets.token_hex(4)}")
    yield url
    drop_schema(url)


@pytest.fixture
def evm_url(venue: Venue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a chain's ledger whose node is away: its books alone, which no poster brings any further."""
    monkeypatch.setenv("FXENGINE_RPC", "http://127.0.0.1:1")
    monkeypatch.setenv("FXENGINE_OPERATOR_KEY", secrets.token_hex(32))
    directory = tmp_path / "chain"
    Deployment(
        directory=directory, venue=venue.id, chain_id=31337, genesis_head=Cursor.genesis(venue).head,
        finality="finalized", exit_delay_s=1, silence_s=1, roles={}, artifacts={}, vault="0x" + "11" * 20,
    ).save()  # fmt: skip
    return f"evm:{directory}"


@pytest.fixture(params=["memory", "sqlite", "postgresql", "evm"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param in ("postgresql", "evm"):
        found: str = request.getfixturevalue({"postgresql": "postgres_url"}.get(request.param, "evm_url"))
        return found
    return {"memory": "memory:", "sqlite": f"sqlite:{tmp_path / 'ledger.sqlite'}"}[request.param]


@pytest.fixture(params=["sqlite", "postgresql"])
def sql_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty ledger that keeps its books in SQL."""
    if request.param == "postgresql":
        found: str = request.getfixturevalue("postgres_url")
        return found
    return f"sqlite:{tmp_path / 'ledger.sqlite'}"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_sql_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an empty ledger in SQL that a module's tests fill once and then only read."""
    if request.param == "sqlite":
        yield f"sqlite:{tmp_path_factory.mktemp('shared') / 'ledger.sqlite'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.url(f"books_{secrets.token_hex(4)}")
    yield url
    drop_schema(url)


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def open_(venue: Venue) -> Iterator[Callable[[str], Ledger]]:
    """Open ledgers of the test's venue; all are closed in the end."""
    opened: list[Ledger] = []

    def open_one(url: str) -> Ledger:
        opened.append(open_ledger(url, venue))
        return opened[-1]

    yield open_one
    for ledger in opened:
        ledger.close()
