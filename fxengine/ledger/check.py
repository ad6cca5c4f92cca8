"""The promises of :mod:`fxengine.ledger.base`, each as a check that any backend can be put to.

One suite for all: the tests hold every backend to it, and ``fxengine ledger check URL`` does so where
the books will really lie, on that disk or that server. A check posts batches of its own, so it is given
a ledger that is empty and that nobody keeps books in (:mod:`fxengine.ledger.scratch` makes one). The
checks may follow one another on the same ledger, each going on where the last one stopped::

    with closing(Trial(url)) as trial:
        for guarantee in GUARANTEES:
            broken = guarantee.broken_by(trial)     # None, or a sentence

What a backend does when its process dies is found out by killing processes: a child of this one posts a
batch and is killed (SIGKILL) by itself after so many function calls and returns, from the first to the
last, so also just before and just after whatever makes the batch durable; see ``check_killed``.
"""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from fxengine.codes import CUSTODY_ACCOUNT, FEES_ACCOUNT, FIRST_CLIENT_ACCOUNT, SettlementStatus
from fxengine.errors import LedgerError, LedgerMismatch
from fxengine.ledger.base import open_ledger
from fxengine.ledger.batch import AccountName, Batch, Cursor
from fxengine.ledger.check_batches import VENUE
from fxengine.ledger.check_killed import AFTER, TO_THE_END, post_and_die
from fxengine.ledger.check_trial import KILLS, NotHeld, Trial, check_venue
from fxengine.records import Records
from fxengine.venue_file import parse_venue

__all__ = ["GUARANTEES", "KILLS", "Guarantee", "NotHeld", "Trial", "check_venue"]

_THREADS: Final = 4
_ALICE, _BOB = FIRST_CLIENT_ACCOUNT, FIRST_CLIENT_ACCOUNT + 1
_USD, _EUR = 0, 1
_MOST: Final = 2**63 - 1


def _atomic(trial: Trial) -> None:
    trial.post()
    cursor, balances = trial.books.cursor, dict(trial.books.balances)
    half_right = trial.books.close([(CUSTODY_ACCOUNT, _USD, -7), (_BOB, _USD, 8), (99, _USD, -1)])
    try:
        trial.ledger.post(half_right)  # where it is taken, CONSERVING will say so
    except LedgerError:
        trial.books.cursor, trial.books.balances = cursor, balances
        trial.holds("after a batch was refused whose last line cannot be posted")
    if trial.is_volatile:
        return
    trial.reopen()
    trial.holds("opened again")
    trial.ledger.close()
    _, n_calls = post_and_die(trial.url, trial.books.batch(), TO_THE_END)
    _reopened(trial, "after another process posted")
    # Half of them evenly from the first call to the last, half just before the end, where the batch gets in.
    n_near = trial.kills // 2
    inside = [n * n_calls // (n_near + 1) for n in range(1, n_near + 1)]
    for die_at in [*inside, *range(n_calls - n_near, n_calls), AFTER]:
        cursor, balances = trial.books.cursor, dict(trial.books.balances)
        batch = trial.books.batch()
        trial.ledger.close()
        was_killed, _ = post_and_die(trial.url, batch, die_at)
        trial.ledger = open_ledger(trial.url, trial.venue)
        reached = trial.ledger.cursor().batch_id
        if was_killed and die_at != AFTER and reached == cursor.batch_id:
            after = trial.books.cursor, trial.books.balances
            trial.books.cursor, trial.books.balances = cursor, balances
            trial.holds("after a kill before the batch was in")
            trial.books.cursor, trial.books.balances = after
            trial.ledger.post(batch)
        trial.holds("after a kill" if was_killed else "after a post")


def _reopened(trial: Trial, what: str) -> None:
    trial.ledger = open_ledger(trial.url, trial.venue)
    trial.holds(what)


def _idempotent(trial: Trial) -> None:
    batches = [trial.post() for _ in range(3)]
    for batch in [*batches, *batches[::-1]]:
        try:
            trial.ledger.post(batch)
        except LedgerError as e:
            raise NotHeld(f"a batch that came again was refused: {e}") from e
        trial.holds("after a batch came again")
    if not trial.is_volatile:
        trial.reopen()
        trial.ledger.post(batches[-1])
        trial.holds("after a batch came again to a ledger opened again")


def _mismatch_refused(trial: Trial) -> None:
    befores = [trial.books.cursor]
    batches = [trial.post()]
    befores.append(trial.books.cursor)
    batches.append(trial.post())
    for before, batch in zip(befores, batches, strict=True):
        for name, value in _other_content(batch).items():
            changed = replace(batch, **{name: value})  # type: ignore[arg-type]
            trial.refuses(f"a posted batch with other {name}", lambda changed=changed: changed)  # type: ignore[misc]
        start = trial.books.cursor
        trial.books.cursor = before
        other = trial.books.close([])
        trial.books.cursor = start
        trial.refuses("another batch under a posted id", lambda other=other: other)  # type: ignore[misc]
    alice = AccountName(_ALICE, "https://kyc.example", "someone else")
    trial.refuses("a name that an account does not have", lambda: trial.books.close([], names=(alice,)))
    bob = AccountName(_BOB, "https://kyc.example", f"payer-{_ALICE}")
    trial.refuses("a second account for one owner", lambda: trial.books.close([], names=(bob,)))


def _other_content(batch: Batch) -> dict[str, object]:
    """Return what a batch could be changed in without a new head."""
    changed: dict[str, object] = {
        "last_sequence": batch.last_sequence + 1,
        "time_ns": 1,
        "journal_hash": bytes(32),
        "trades_root": bytes(32),
        "head": bytes(32),
        "names": (AccountName(_ALICE, "https://kyc.example", "someone else"),),
    }
    for part in ("deltas", "trades", "transfers", "withdrawals", "busts"):
        records = getattr(batch, part).copy()
        if part == "deltas":
            pair = np.flatnonzero(records["currency"] == records["currency"][0])[:2]
            records["amount_units"][pair] += (1, -1)
        else:
            records["sequence"][0] += 1
        changed[part] = records
    return changed


def _strictly_ordered(trial: Trial) -> None:
    trial.post()
    start = trial.books.cursor
    balances = dict(trial.books.balances)
    first, second = trial.books.batch(), trial.books.batch()
    third = trial.books.batch()
    after = trial.books.cursor, trial.books.balances
    trial.books.cursor, trial.books.balances = start, balances
    trial.refuses("a batch before its predecessor", lambda: second)
    trial.refuses("a batch two ahead", lambda: third)
    zero = replace(first, id=0)
    trial.refuses("a batch with the id 0", lambda: zero)

    def with_cursor(**change: object) -> Batch:
        trial.books.cursor = start._replace(**change)  # type: ignore[arg-type]
        return trial.books.close([])

    trial.refuses("a gap in the commands", lambda: with_cursor(last_sequence=start.last_sequence + 1))
    trial.refuses("commands that were settled before", lambda: with_cursor(last_sequence=start.last_sequence - 1))
    trial.refuses("a batch of another history", lambda: with_cursor(head=bytes(32)))
    for batch in (first, second, third):
        trial.ledger.post(batch)
    trial.books.cursor, trial.books.balances = after
    trial.holds("after batches in order")


def _cursor_with_the_batch(trial: Trial) -> None:
    for _ in range(3):
        following = trial.ledger.cursor().batch_id + 1
        if trial.ledger.status(following) is not SettlementStatus.PENDING:
            raise NotHeld(f"batch {following} is not PENDING, and nobody posted it")
        batch = trial.post()
        for opened in ("", " opened again")[: 1 if trial.is_volatile else 2]:
            if opened:
                trial.reopen()
            cursor = trial.ledger.cursor()
            if cursor != batch.cursor:
                raise NotHeld(f"the cursor of a ledger{opened} is {cursor}, and should be {batch.cursor}")
            in_flight = {waiting.batch_id for waiting in trial.ledger.unfinished()}
            if trial.ledger.status(batch.id) is SettlementStatus.PENDING and batch.id not in in_flight:
                raise NotHeld(f"batch {batch.id} is still PENDING in a ledger{opened} that has it")


def _conserving(trial: Trial) -> None:
    trial.post()
    totals: dict[int, int] = {}
    for (account, currency), units in trial.ledger.balances().items():
        totals[currency] = totals.get(currency, 0) + units
        if trial.ledger.balance(account, currency) != units:
            raise NotHeld(f"the balance of account {account} in currency {currency} is told in two ways")
    if any(totals.values()):
        raise NotHeld(f"the balances sum to {totals} by currency, and not to zero")
    if trial.ledger.balance(_MOST >> 33, _USD):
        raise NotHeld("an account that nobody posted to has a balance")
    close = trial.books.close
    wrong: dict[str, list[tuple[int, int, int]]] = {
        "one unit out of nowhere": [(_ALICE, _USD, 1)],
        "one unit that vanishes": [(_ALICE, _USD, -1)],
        "a sum that only wraps to zero": [(account, _USD, 2**62) for account in range(_ALICE, _ALICE + 4)],
        "a client below zero": [(98, _USD, -5), (_BOB, _USD, 5)],
        "fees below zero": [(FEES_ACCOUNT, _USD, -(10**12)), (_BOB, _USD, 10**12)],
        "custody above zero": [(CUSTODY_ACCOUNT, _EUR, 2**60), (_ALICE, _EUR, -(2**60))],
    }
    for what, moves in wrong.items():
        trial.refuses(what, lambda moves=moves: close(moves), LedgerError)  # type: ignore[misc]

    def disordered(change: Callable[[Records], Records]) -> Batch:
        batch = close([(CUSTODY_ACCOUNT, _USD, -7), (_ALICE, _USD, 7)])
        changed = replace(batch, deltas=change(batch.deltas.copy()), head=b"")
        return replace(changed, head=changed.made_head(start))

    start = trial.books.cursor.head
    trial.refuses("deltas out of order", lambda: disordered(lambda deltas: deltas[::-1]), LedgerError)
    trial.refuses("a delta of zero", lambda: disordered(_zeros), LedgerError)
    trial.ledger.post(close([(CUSTODY_ACCOUNT, _USD, -7), (_ALICE, _USD, 7)]))
    trial.holds("after lawful deposits")


def _zeros(deltas: Records) -> Records:
    deltas["amount_units"] = 0
    return deltas


def _bound_to_one_venue(trial: Trial) -> None:
    trial.post()
    other = parse_venue(VENUE.replace("check-venue", "other-venue"))
    start = trial.books.cursor

    def of_the_other() -> Batch:
        trial.books.cursor = Cursor.genesis(other)._replace(batch_id=start.batch_id, last_sequence=start.last_sequence)
        return trial.books.close([])

    trial.refuses("a batch chained to another venue", of_the_other)
    if trial.is_volatile:
        return
    trial.ledger.close()
    try:
        open_ledger(trial.url, other).close()
    except LedgerMismatch:
        _reopened(trial, "after another venue was refused")
    else:
        raise NotHeld("it was opened for another venue")


def _safe_on_any_thread(trial: Trial) -> None:
    batches = [trial.books.batch() for _ in range(6)]
    at_once = threading.Barrier(_THREADS)
    failures: list[str] = []

    def post_all() -> None:
        try:
            for batch in batches:
                at_once.wait()
                trial.ledger.post(batch)
                if trial.ledger.cursor().batch_id != batch.id or not trial.ledger.balances():
                    failures.append(f"batch {batch.id} was posted, and the cursor says something else")
                trial.ledger.balance(_ALICE, _USD)
                trial.ledger.status(batch.id)
                at_once.wait()
        except threading.BrokenBarrierError:
            return
        except BaseException as e:
            failures.append(f"{type(e).__name__}: {e}")
            at_once.abort()

    threads = [threading.Thread(target=post_all) for _ in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise NotHeld(f"{_THREADS} threads posting the same batches: {failures[0]}")
    trial.holds(f"after {_THREADS} threads posted the same batches")


class Guarantee(NamedTuple):
    """One promise: its name, what it says, and the check, which raises :class:`NotHeld`."""

    name: str
    promise: str
    check: Callable[[Trial], None]

    def broken_by(self, trial: Trial) -> str | None:
        """Return how the backend breaks this promise; None where it keeps it."""
        try:
            self.check(trial)
        except NotHeld as e:
            return str(e)
        except Exception as e:  # a backend may fail in its own words
            return f"{type(e).__name__}: {e}"
        return None


GUARANTEES: Final = (
    Guarantee("ATOMIC", "a batch is there whole or not at all, also when the process is killed", _atomic),
    Guarantee("IDEMPOTENT", "posting a batch again changes nothing and does not fail", _idempotent),
    Guarantee("MISMATCH REFUSED", "other content under a known id, or another name, is refused", _mismatch_refused),
    Guarantee("STRICTLY ORDERED", "no batch is skipped, repeated or of another history", _strictly_ordered),
    Guarantee("CURSOR WITH THE BATCH", "the cursor moves in the same step as the balances", _cursor_with_the_batch),
    Guarantee("CONSERVING", "every currency sums to zero, and only custody is below it", _conserving),
    Guarantee("BOUND TO ONE VENUE", "another venue, or other rules, are refused", _bound_to_one_venue),
    Guarantee("SAFE ON ANY THREAD", "every method may be called from any thread", _safe_on_any_thread),
)
"""In the order in which they are checked: a later one may rely on an earlier."""
