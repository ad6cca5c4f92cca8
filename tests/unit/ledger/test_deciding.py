"""What a poster decides: case by case, and driven over a model of a chain that does what chains do."""

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxengine.ledger.evm.deciding import (
    IN_FLIGHT_MAX,
    NONCES_MAX,
    STUCK_BLOCKS,
    Halt,
    Hold,
    Look,
    Send,
    Sent,
    Sign,
    decide,
    judge,
)
from fxengine.ledger.evm.fees import Fees, offer, raised
from fxengine.ledger.evm.outbox import Row, State

HEADS = [bytes([n]) * 32 for n in range(60)]
LOOK = Look(10, "0xa", 100, 7, 3, HEADS[3], False, False, 20, 2, HEADS[2])


def row(batch_id: int, nonce: int | None = None, raw: bytes = b"") -> Row:
    return Row(batch_id, State.SIGNED if raw else State.NEW, 1, nonce, Fees(1, 1) if raw else None, raw)


@pytest.mark.parametrize(
    ("change", "last", "final", "final_block", "kind", "code"),
    [
        ({}, 3, 2, 9, None, None),
        ({}, 9, 0, 0, None, None),
        ({"final_batch_id": 0, "final_head": b""}, 9, 0, 0, None, None),
        ({}, 2, 2, 9, Halt, "BOOKS_BEHIND"),
        ({"head": HEADS[9]}, 9, 2, 9, Halt, "HEAD_DIFFERS"),
        ({"final_head": HEADS[9]}, 9, 2, 9, Halt, "HEAD_DIFFERS"),
        ({}, 9, 4, 10, Halt, "FINAL_UNDONE"),
        ({}, 9, 4, 11, Hold, "NODE_BEHIND"),
    ],
)
def test_a_look_is_held_against_the_outbox(
    change: dict[str, object], last: int, final: int, final_block: int, kind: type | None, code: str | None
) -> None:
    found = judge(LOOK._replace(**change), last, final, final_block, (HEADS[3], HEADS[2]))  # type: ignore[arg-type]
    assert (type(found) if found else None) is kind
    assert (found.code if found else None) == code


def test_a_final_batch_that_these_books_never_had_is_of_another_history() -> None:
    found = judge(LOOK._replace(final_batch_id=7), 3, 2, 9, (HEADS[3], None))
    assert isinstance(found, Halt)
    assert found.code == "HEAD_DIFFERS"


SIGNED = row(4, 20, b"four")
NOW = {4: Sent(b"four", 10, "0xa")}


@pytest.mark.parametrize(
    ("waiting", "sent", "look", "action"),
    [
        ([], {}, LOOK._replace(paused=True), None),
        ([row(4)], {}, LOOK, Sign(4, 20)),
        ([SIGNED], {}, LOOK, Send(4)),
        ([SIGNED], NOW, LOOK, None),
        ([SIGNED], {4: Sent(b"other", 10, "0xa")}, LOOK, Send(4)),
        ([SIGNED], NOW, LOOK._replace(number=11, block_hash="0xb"), Send(4)),
        ([SIGNED], {4: Sent(b"four", 10 - STUCK_BLOCKS, "0xa")}, LOOK, Sign(4, 20, more=True)),
        ([SIGNED], {4: Sent(b"four", 11 - STUCK_BLOCKS, "0xa")}, LOOK, None),
        ([SIGNED], NOW, LOOK._replace(nonce=21), Sign(4, 21)),
        ([SIGNED], NOW, LOOK._replace(nonce=19), Sign(4, 19)),
        ([SIGNED, row(5)], NOW, LOOK, Sign(5, 21)),
        ([SIGNED, row(5, 25, b"five")], NOW, LOOK, Sign(5, 21)),
    ],
)
def test_the_next_thing_to_do(waiting: list[Row], sent: dict[int, Sent], look: Look, action: object) -> None:
    assert decide(waiting, sent, {}, look) == action


def test_a_pause_holds_a_freeze_ends_and_lost_nonces_are_somebodys_business() -> None:
    for look, nonces, kind, code in (
        (LOOK._replace(paused=True), {}, Hold, "VAULT_PAUSED"),
        (LOOK._replace(paused=True, is_frozen=True), {}, Halt, "VAULT_FROZEN"),
        (LOOK._replace(nonce=21), {4: NONCES_MAX}, Hold, "NONCES_LOST"),
    ):
        found = decide([SIGNED], NOW, nonces, look)
        assert isinstance(found, kind)
        assert found.code == code
    ended = decide([], {}, {}, LOOK._replace(is_frozen=True))
    assert isinstance(ended, Hold), "what is in flight still becomes FINAL"
    assert ended.code == "VAULT_FROZEN"
    assert decide([SIGNED], NOW, {4: NONCES_MAX}, LOOK) is None, "one that is on its way is left alone"


def test_only_the_oldest_owns_its_nonce_and_may_be_stuck() -> None:
    behind = row(5, 21, b"five")
    for lost in (row(5, 25, b"five"), row(5)):
        assert decide([SIGNED, lost], NOW, {5: NONCES_MAX}, LOOK) == Sign(5, 21)
    sent = NOW | {5: Sent(b"five", 10 - STUCK_BLOCKS, "0xa")}
    assert decide([SIGNED, behind], sent, {}, LOOK) is None, "it waits for the one before it"


def test_no_more_than_four_are_in_flight() -> None:
    rows = [row(4 + n, 20 + n, b"%d" % n) for n in range(9)]
    sent = {r.batch_id: Sent(r.raw, 10, "0xa") for r in rows[:IN_FLIGHT_MAX]}
    assert decide(rows, sent, {}, LOOK) is None


@dataclass
class Chain:
    """Blocks, each the vault's last batch and the operator's nonce after it; a pool; and a poster's memory.

    A transaction is ``(nonce, batch)``, batch 0 for one of somebody else's. As in the vault, a batch counts where
    it is the next one, and a transaction takes its nonce whether it does or not.
    """

    blocks: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)])
    names: list[str] = field(default_factory=lambda: ["0"])
    pool: dict[int, int] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    sent: dict[int, Sent] = field(default_factory=dict)
    n_blocks: int = 0

    def mine(self, *, foreign: bool = False) -> None:
        batch, nonce = self.blocks[-1]
        if foreign:
            nonce += 1
        while nonce in self.pool:
            tried = self.pool.pop(nonce)
            batch += tried == batch + 1
            nonce += 1
        self.pool = {n: b for n, b in self.pool.items() if n >= nonce}
        self.n_blocks += 1
        self.blocks.append((batch, nonce))
        self.names.append(str(self.n_blocks))

    def do(self, what: str) -> None:
        if what == "mine":
            self.mine()
        elif what == "foreign":
            self.mine(foreign=True)
        elif what == "batch":
            self.rows.append(row(len(self.rows) + 1))
        elif what == "restart":
            self.sent.clear()
        elif what == "drop":
            self.pool.clear()
        elif what == "reorg":
            kept = max(1, len(self.blocks) - 3)
            del self.blocks[kept:], self.names[kept:]
        self.tick()

    def tick(self) -> None:
        batch, nonce = self.blocks[-1]
        look = LOOK._replace(
            number=len(self.blocks), block_hash=self.names[-1], batch_id=batch, nonce=nonce, head=HEADS[batch],
            final_batch_id=0, final_head=b"",
        )  # fmt: skip
        assert judge(look, len(self.rows), 0, 0, (HEADS[batch], None)) is None
        self.sent = {b: s for b, s in self.sent.items() if b > batch}
        touched = set()
        for _ in range(4 * IN_FLIGHT_MAX):
            action = decide(self.rows[batch:], self.sent, {}, look)
            if action is None:
                break
            assert isinstance(action, Sign | Send)
            at = action.batch_id - 1
            touched.add(action.batch_id)
            if isinstance(action, Sign):
                more = self.rows[at].raw + b"+" if action.more else b"%d" % action.nonce
                self.rows[at] = replace(self.rows[at], state=State.SIGNED, nonce=action.nonce, raw=more)
            else:
                signed, known = self.rows[at], self.sent.get(action.batch_id)
                assert signed.nonce is not None
                if signed.nonce >= nonce:
                    self.pool[signed.nonce] = action.batch_id
                first = known.first if known and known.raw == signed.raw else look.number
                self.sent[action.batch_id] = Sent(signed.raw, first, look.block_hash)
        else:
            raise AssertionError("a look is never done with")
        assert len(touched) <= IN_FLIGHT_MAX


@given(
    st.lists(st.sampled_from(["mine", "mine", "batch", "batch", "foreign", "restart", "drop", "reorg"]), max_size=50)
)
def test_whatever_the_chain_does_every_batch_is_settled_in_order_and_then_all_is_quiet(steps: list[str]) -> None:
    chain = Chain()
    for step in steps:
        chain.do(step)
    for _ in range(2 * len(chain.rows) + STUCK_BLOCKS + 2):
        chain.do("mine")
    assert chain.blocks[-1][0] == len(chain.rows)
    # Where transactions of somebody else were undone, one of ours may wait behind a nonce that nobody uses.
    for _ in range(len(steps) + 1):
        chain.do("foreign")
    assert not chain.pool, "nothing is left that would be mined later"
    assert chain.blocks[-1][0] == len(chain.rows)


def test_a_transaction_behind_a_nonce_that_was_undone_settles_nothing_twice() -> None:
    chain = Chain()
    for step in ("batch", "foreign", "foreign", "reorg", "mine"):
        chain.do(step)
    assert (chain.blocks[-1], chain.pool) == ((1, 1), {2: 1})
    for step in ("batch", "mine", "mine"):
        chain.do(step)
    assert (chain.blocks[-1][0], chain.pool) == (2, {})


def test_an_offer_is_twice_the_base_fee_up_to_the_most_and_none_where_that_is_not_enough() -> None:
    assert offer(100, 2, 1000) == Fees(202, 2)
    assert offer(600, 2, 1000) == Fees(1000, 2)
    assert offer(998, 2, 1000) == Fees(1000, 2)
    assert offer(999, 2, 1000) is None


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_what_replaces_a_transaction_offers_an_eighth_more_of_both(max_fee: int, tip: int) -> None:
    old = Fees(max_fee, tip)
    new = raised(Fees(0, 0), old, 10**30)
    assert new is not None
    assert all(8 * after >= 9 * before and after > before for after, before in zip(new, old, strict=True))
    assert raised(Fees(0, 0), old, max_fee) is None
