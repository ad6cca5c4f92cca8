"""Settling a batch: what the vault takes, and each way in which it refuses."""

import re

import pytest

from fxengine.chain.deltas import RECORD, RECORDS_MAX, encode
from fxengine.chain.head import chain_head
from tests.contracts.venue_on_chain import JOURNAL, ROOT, VenueOnChain, delta_records
from tests.contracts.world import FOREVER, GENESIS, OPERATOR, REGISTRAR, STRANGER, Refused

MAX = 2**63 - 1


def refused(because: str) -> pytest.RaisesExc[Refused]:
    return pytest.raises(Refused, match=f"^{re.escape(because)}$")


def packed(*lines: tuple[int, int, tuple[int, int, int, int]]) -> bytes:
    """Records as they come: group, account, four amounts."""
    content = b""
    for group, account, amounts in lines:
        content += group.to_bytes(1, "big") + account.to_bytes(4, "big")
        content += b"".join(amount.to_bytes(8, "big", signed=True) for amount in amounts)
    return content


@pytest.fixture
def funded(venue: VenueOnChain) -> VenueOnChain:
    """Account 2 has 1,000 of each of six tokens, account 3 has 500 of tokens 0 and 5."""
    for tid in range(6):
        venue.fund(2, tid, 1_000)
    venue.fund(3, 0, 500)
    venue.fund(3, 5, 500)
    return venue


def test_a_batch_moves_net_amounts_between_accounts_and_across_words(funded: VenueOnChain) -> None:
    funded.settle((2, 0, -300), (3, 0, 290), (0, 0, 10), (2, 5, 70), (3, 5, -70))
    assert [funded.balance(account, 0) for account in (0, 2, 3)] == [10, 700, 790]
    assert [funded.balance(account, 5) for account in (0, 2, 3)] == [0, 1_070, 430]
    assert [funded.balance(2, tid) for tid in (1, 2, 3, 4)] == [1_000] * 4
    assert [funded.liabilities(tid) for tid in (0, 5)] == [1_500, 1_500]


def test_the_head_in_status_and_event_is_the_one_that_python_computes(funded: VenueOnChain) -> None:
    content = encode(delta_records((2, 0, -1), (3, 0, 1)))
    expected = chain_head(GENESIS, 1, 10, 7, ROOT, JOURNAL, content)
    funded.settle_bytes(content, n_trades=7)
    assert funded.vault.events() == [
        (
            "Settled",
            {
                "batch_id": 1,
                "last_sequence": 10,
                "n_trades": 7,
                "head": expected,
                "trades_root": ROOT,
                "journal_hash": JOURNAL,
            },
        )
    ]
    batch_id, sequence, head, paused, frozen_since, seen, n_tokens, block, now = funded.vault.view("status")
    assert (batch_id, sequence, head) == (1, 10, expected)
    assert (paused, frozen_since, n_tokens) == (False, 0, 6)
    assert (seen, block, now) == (funded.world.now, funded.world.block, funded.world.now)


def test_batches_chain_and_an_empty_one_moves_the_cursor_alone(funded: VenueOnChain) -> None:
    first = funded.settle((2, 0, -1), (3, 0, 1))
    second = funded.settle(n_trades=0)
    assert funded.vault.view("status")[:3] == (2, 20, second)
    assert second != first
    assert funded.balance(2, 0) == 999


def test_only_the_operator_settles(funded: VenueOnChain) -> None:
    with refused("not operator"):
        funded.vault.call(STRANGER, "settle_batch", 1, 10, 0, GENESIS, ROOT, JOURNAL, b"")


def test_a_batch_again_a_gap_another_head_or_a_sequence_behind_is_refused(funded: VenueOnChain) -> None:
    call, content = funded.vault.call, encode(delta_records((2, 0, -1), (3, 0, 1)))
    head = funded.settle_bytes(content)
    with refused("not next batch"):  # the same again
        call(OPERATOR, "settle_batch", 1, 10, 1, GENESIS, ROOT, JOURNAL, content)
    with refused("not next batch"):  # the same number with other content
        call(OPERATOR, "settle_batch", 1, 11, 1, head, ROOT, JOURNAL, b"")
    with refused("not next batch"):  # a gap
        call(OPERATOR, "settle_batch", 3, 20, 1, head, ROOT, JOURNAL, content)
    with refused("other head"):
        call(OPERATOR, "settle_batch", 2, 20, 1, GENESIS, ROOT, JOURNAL, content)
    with refused("sequence behind"):
        call(OPERATOR, "settle_batch", 2, 10, 1, head, ROOT, JOURNAL, content)
    assert funded.balance(2, 0) == 999


@pytest.mark.parametrize(
    ("content", "because"),
    [
        (packed((0, 3, (1, 0, 0, 0)), (0, 2, (-1, 0, 0, 0))), "deltas unsorted"),
        (packed((0, 2, (-1, 0, 0, 0)), (0, 2, (1, 0, 0, 0))), "deltas unsorted"),
        (packed((1, 2, (-1, 0, 0, 0)), (0, 3, (1, 0, 0, 0))), "deltas unsorted"),
        (packed((0, 2, (0, 0, 0, 0))), "empty delta"),
        (packed((0, 2, (-1, 0, 0, 0)), (0, 3, (1, 0, 0, 0)))[:-1], "torn deltas"),
        (b"\0", "torn deltas"),
        (packed((0, 2, (-1, 0, 0, 0)), (0, 3, (2, 0, 0, 0))), "not zero-sum"),
        (packed((0, 2, (-1, 0, 0, 0)), (0, 3, (0, 1, 0, 0))), "not zero-sum"),  # zero over all tokens together
        (packed((0, 2, (0, -1, 0, 0)), (0, 3, (0, 0, 1, 0))), "not zero-sum"),
        (packed((0, 3, (1, 0, 0, 0)), (1, 2, (-1, 0, 0, 0))), "not zero-sum"),
        (packed((0, 2, (-1_001, 0, 0, 0)), (0, 3, (1_001, 0, 0, 0))), "negative balance"),
        (packed((0, 4, (-1, 0, 0, 0)), (0, 3, (1, 0, 0, 0))), "negative balance"),
        (packed((0, 2, (-1, 0, 0, 0)), (0, 3, (-(2**63), 0, 0, 0))), "negative balance"),
        (packed((0, 2, (MAX, 0, 0, 0)), (0, 3, (MAX, 0, 0, 0))), "balance too large"),
        (packed((0, 2, (MAX - 999, 0, 0, 0))), "balance too large"),  # by one
        (packed((0, 2, (MAX - 1_000, 0, 0, 0)), (0, 4, (MAX, 0, 0, 0)), (0, 5, (1_002, 0, 0, 0))), "not zero-sum"),
        (packed((64, 2, (1, 0, 0, 0))), "no such token"),
        (packed((255, 2**32 - 1, (1, 0, 0, 0))), "no such token"),
        (packed((9, 2, (-1, 0, 0, 0)), (9, 3, (1, 0, 0, 0))), "negative balance"),  # tokens that are not listed
    ],
)
def test_deltas_that_are_not_a_settlement_are_refused_whole(funded: VenueOnChain, content: bytes, because: str) -> None:
    before = [funded.balance(account, tid) for account in (0, 2, 3, 4) for tid in range(6)]
    with refused(because):
        funded.settle_bytes(content)
    assert [funded.balance(account, tid) for account in (0, 2, 3, 4) for tid in range(6)] == before
    assert funded.vault.view("status")[:3] == (0, 0, GENESIS)


def test_a_sum_that_only_wraps_to_zero_is_not_zero(funded: VenueOnChain) -> None:
    # Four times 2^62 is 2^64: zero in a lane's 64 bits, and far from it.
    wrapping = packed(*[(0, account, (2**62, 0, 0, 0)) for account in (5, 6, 7, 8)])
    with refused("not zero-sum"):
        funded.settle_bytes(wrapping)
    # Above all lanes of a word at once, where a carry would show in the neighbour.
    every = packed(*[(0, account, (2**62,) * 4) for account in (5, 6, 7, 8)])
    with refused("not zero-sum"):
        funded.settle_bytes(every)


def test_a_lane_never_carries_into_its_neighbour(funded: VenueOnChain) -> None:
    funded.settle_bytes(packed((0, 2, (-1_000, -1, -1_000, -1)), (0, 3, (1_000, 1, 1_000, 1))))
    assert [funded.balance(2, tid) for tid in range(4)] == [0, 999, 0, 999]
    assert [funded.balance(3, tid) for tid in range(4)] == [1_500, 1, 1_000, 1]


def test_the_largest_balance_moves_whole(venue: VenueOnChain) -> None:
    venue.fund(2, 1, MAX)
    venue.settle((2, 1, -MAX), (3, 1, MAX))
    assert (venue.balance(2, 1), venue.balance(3, 1)) == (0, MAX)
    venue.settle((3, 1, -MAX), (2, 1, MAX - 1), (0, 1, 1))
    assert (venue.balance(2, 1), venue.balance(3, 1), venue.balance(0, 1)) == (MAX - 1, 0, 1)


def test_unregistered_frozen_and_expired_accounts_are_settled_like_any(funded: VenueOnChain) -> None:
    funded.vault.call(REGISTRAR, "set_account", 2, 0, True)
    funded.vault.call(REGISTRAR, "set_account", 99, 0, True)
    funded.settle((2, 0, -5), (99, 0, 3), (2**32 - 1, 0, 2))
    assert (funded.balance(2, 0), funded.balance(99, 0), funded.balance(2**32 - 1, 0)) == (995, 3, 2)
    funded.vault.call(REGISTRAR, "register", 77, funded.who(77), FOREVER)  # registered after it was credited
    funded.settle((2, 0, -1), (77, 0, 1))
    assert funded.balance(77, 0) == 1


def test_as_many_records_as_there_is_room_for_and_not_one_more(funded: VenueOnChain) -> None:
    lines = [(account, 0, 1) for account in range(10, 10 + RECORDS_MAX - 1)]
    funded.settle((2, 0, -len(lines)), *lines)
    assert funded.balance(10, 0) == 1
    one_more = encode(
        delta_records((2, 1, -RECORDS_MAX), *[(account, 1, 1) for account in range(10, 10 + RECORDS_MAX)])
    )
    assert len(one_more) == (RECORDS_MAX + 1) * RECORD.itemsize
    with refused(""):  # the bytes do not even decode
        funded.settle_bytes(one_more)


def test_settling_moves_no_token_and_changes_no_liability(funded: VenueOnChain) -> None:
    before = [(funded.held(tid), funded.liabilities(tid)) for tid in range(6)]
    funded.settle((2, 0, -1_000), (3, 0, 1_000))
    assert [(funded.held(tid), funded.liabilities(tid)) for tid in range(6)] == before
    assert [name for name, _ in funded.vault.events()] == ["Settled"]


def test_many_words_are_read_in_one_moment(funded: VenueOnChain) -> None:
    keys = [2, 3, 1 << 32 | 2, 99]
    (words,) = funded.vault.view("balance_words", b"".join(key.to_bytes(32, "big") for key in keys))
    assert isinstance(words, bytes)
    lanes = [int.from_bytes(words[at : at + 8], "big") for at in range(0, len(words), 8)]
    assert lanes == [1_000] * 4 + [500, 0, 0, 0] + [1_000, 1_000, 0, 0] + [0] * 4
    with refused("bad account"):
        funded.vault.view("balance_words", (64 << 32).to_bytes(32, "big"))
