"""A poster that is killed anywhere leaves the next one enough to go on, and two never post at once."""

import random
import shutil
from contextlib import closing, suppress
from pathlib import Path

import pytest

from fxengine.errors import LedgerError, LedgerUnavailable
from fxengine.ledger import open_ledger
from fxengine.ledger.check_batches import Books
from tests.ledger.evm.dying_poster import PLACES, post_and_die, random_place
from tests.ledger.evm.site import Site, opening, settle, trades
from tests.ledger.evm.test_chain_faults import settled_once


@pytest.mark.parametrize("place", PLACES)
def test_what_was_posted_is_settled_once_by_whoever_comes_next(site: Site, books: Books, place: str) -> None:
    batches = [opening(books, site), *(trades(books, site) for _ in range(4))]
    assert post_and_die(site.url, batches, place, 1, site.environ)
    with closing(site.open()) as ledger:
        for batch in batches:
            ledger.post(batch)
        settle(ledger, site, lambda: ledger.progress() == (5, 5))
    assert settled_once(site, books)


def test_kills_and_reorganisations_in_any_order_lose_and_double_nothing(site: Site, books: Books, seed: int) -> None:
    """A small ``make chaos``."""
    rng, died, batches = random.Random(seed), 0, [opening(books, site)]
    for _ in range(6):
        batches += [trades(books, site) for _ in range(rng.randrange(1, 5))]
        died += post_and_die(site.url, batches, *random_place(rng), site.environ)
        site.rpc.call("anvil_reorg", rng.randrange(1, 5), [])
    with closing(site.open()) as ledger:
        for batch in batches:
            ledger.post(batch)
        settle(ledger, site, lambda: ledger.progress() == (len(batches), len(batches)))
    assert settled_once(site, books)
    assert died


def test_a_second_poster_is_refused_and_told_who_the_first_is(site: Site) -> None:
    with closing(site.open()), pytest.raises(LedgerError, match=r"process [0-9]+.*LEASE_TAKEN"):
        site.open()
    site.open().close()


def test_two_posters_that_cannot_see_each_others_lease_settle_everything_once(
    site: Site, books: Books, tmp_path: Path
) -> None:
    """As on two machines: the same books, the same key. The vault takes each batch once, and only behind the last."""
    with closing(site.open()) as ledger:
        for batch in (opening(books, site), *(trades(books, site) for _ in range(5))):
            ledger.post(batch)
    other = tmp_path / "other"
    shutil.copytree(site.directory, other)
    with closing(site.open()) as one, closing(open_ledger(f"evm:{other}", site.venue)) as two:
        for _ in range(20):
            for ledger in (one, two, two, one):
                with suppress(LedgerUnavailable):
                    ledger.advance()
            site.mine()
        assert one.progress() == two.progress() == (6, 6)
        one.post(trades(books, site))
        settle(one, site, lambda: one.progress().posted == 7)
        with pytest.raises(LedgerError, match="BOOKS_BEHIND"):
            two.advance()
    assert settled_once(site, books)
