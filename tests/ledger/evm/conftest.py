"""Nodes and sites for the chain ledger's tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fxengine.chain.local_node import LocalNode
from fxengine.ledger.check_batches import Books
from fxengine.venue import Venue
from tests.ledger.evm.site import Site

MakeSite = Callable[..., Site]


@pytest.fixture
def node() -> Iterator[LocalNode]:
    """A node that makes a block only when it is told to."""
    with LocalNode(mining=False) as node:
        yield node


@pytest.fixture
def make_site(
    node: LocalNode, tmp_path: Path, venue: Venue, monkeypatch: pytest.MonkeyPatch, seed: int
) -> Iterator[MakeSite]:
    made: list[Site] = []

    def make(**settings: object) -> Site:
        defaults = {"venue": venue, "seed": seed + len(made)}
        made.append(Site(node, tmp_path / f"chain-{len(made)}", **(defaults | settings)))  # type: ignore[arg-type]
        for name, value in made[-1].environ.items():
            monkeypatch.setenv(name, value)
        return made[-1]

    yield make
    for site in made:
        site.rpc.close()


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    return make_site()


@pytest.fixture
def books(venue: Venue, seed: int) -> Books:
    import random

    return Books(venue, random.Random(seed))
