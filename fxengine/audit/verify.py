"""Verify a venue from its two records alone: what the journal says happened, and what the ledger booked.

The journal is read by a reader of its own and applied by the reference core, and by the compiled
core beside it. From the reference's events, settlement is done again in plain Python, cut at the
sequences that the ledger recorded, and every row is compared::

    journal --> reference core --> events --> netting in plain Python --> rows ==? ledger's rows
                  |  ==? compiled core                                     |
                  `--> balances, available and held  ==?  ledger's balances + what is not settled yet
                  `--> state hash                    ==?  every SEAL

So a byte changed in the journal, or a balance, posting or trade changed in the ledger, is a difference
somewhere, and is reported in words. Snapshots are trusted for nothing: each is compared with the state
that the replay comes to at its place. The ledger and they are read before the journal: of a running venue,
the journal then holds at least what the ledger has settled.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from fxengine.audit.books import BatchRow, Books
from fxengine.audit.journal import Frame, JournalAudit
from fxengine.audit.recut import Row, Stretch, genesis_head
from fxengine.audit.replay import CoreType, Replay, both_cores
from fxengine.audit.settled import ChainAudit, ChainFindings
from fxengine.audit.snapshots import SnapshotAudit
from fxengine.errors import ChainError, LedgerError
from fxengine.venue import Venue
from fxengine.venue_file import load_venue

Progress = Callable[[int, int], None]

_PROBLEMS_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Findings:
    """What an audit found. ``ok`` only when there is no problem at all; ``notes`` are not problems."""

    ok: bool
    commands: int
    trades: int  # in the journal
    batches: int  # in the ledger
    accounts: int  # the venue's own two included
    state_hash: str  # of the reference core at the journal's end
    conserved: bool  # no money came or went but through custody, in core and ledger alike
    state_hash_replayed: bool  # the whole journal was read, and led to every state that it was sealed with
    problems: tuple[str, ...]
    notes: tuple[str, ...]
    chain: ChainFindings | None = None  # of the vault, where it was asked for

    def line(self) -> str:
        """Return the findings as one line of JSON, for a program to read."""
        line = asdict(self) | {"chain": self.chain and self.chain._asdict()}
        if self.chain is None:
            del line["chain"]
        return json.dumps(line)


def verify(
    data_dir: Path,
    ledger_url: str | None = None,
    *,
    chain: Callable[[Venue], ChainAudit] | None = None,
    core_types: tuple[CoreType, ...] | None = None,
    progress: Progress | None = None,
) -> Findings:
    """Audit the venue in ``data_dir`` against its ledger; everything is read, nothing is written.

    ``ledger_url``: where the ledger is, if not ``sqlite:DATA_DIR/ledger.sqlite``. ``chain`` makes the audit of what a
    vault settled, and is called once the ledger has been read; with one, an empty ``ledger_url`` compares journal and
    chain alone. ``core_types``: the cores to replay with, the reference first; both by default.
    ``progress(done, total)`` hears of commands as they are replayed. Raises :class:`VenueError` where there is no
    readable venue file; all else that is wrong stands in the findings. O(journal + ledger).
    """
    venue = load_venue(data_dir / "venue.toml")
    audit = _Audit(venue, data_dir, core_types or both_cores(), progress)
    try:
        if chain is not None and ledger_url == "":
            audit.run(None, chain(venue))
        else:
            with Books(ledger_url or f"sqlite:{data_dir / 'ledger.sqlite'}") as books:
                audit.run(books, chain(venue) if chain else None)
    except (LedgerError, ChainError) as e:
        audit.problems.append(str(e))
    return audit.findings()


class _Audit:
    """One pass over the journal, with the ledger's batches alongside."""

    def __init__(
        self, venue: Venue, data_dir: Path, core_types: tuple[CoreType, ...], progress: Progress | None
    ) -> None:
        self.venue = venue
        self.problems: list[str] = []
        self.notes: list[str] = []
        self.snapshots = SnapshotAudit(data_dir / "snapshots", venue.fingerprint)
        self.journal = JournalAudit(data_dir / "journal", venue.fingerprint)
        self.journal.watched = self.snapshots.chains
        self.replay = Replay(self.journal, venue, core_types)
        self.progress = progress
        self.is_running = self.journal.is_being_written()
        self.n_trades = self.n_batches = 0
        self.is_conserved = self.is_replayed = False
        self.chain: ChainAudit | None = None
        self._head = genesis_head(venue)
        self._stretch = Stretch()
        self._settled: defaultdict[tuple[int, int], int] = defaultdict(int)
        self._names: dict[int, tuple[str, str]] = {}

    def run(self, books: Books | None, chain: ChainAudit | None) -> None:
        """Replay everything and compare as it goes; problems are collected."""
        self.chain = chain
        if books is not None:
            self.problems += books.venue_problems(self.venue)
            self.n_batches = len(books.batches)
        total = self.journal.count()
        waiting = iter(books.batches if books is not None else ())
        batch = next(waiting, None)
        expected = (1, 1)
        for frame, events in self.replay:
            self._stretch.add(events, frame.records, frame.first_sequence, self.venue)
            if chain is not None:
                chain.add(frame, events)
            self.snapshots.compare(
                frame.last_sequence, frame.chain, self.replay.core, lambda: self._names | self._stretch.names
            )
            while books is not None and batch is not None and batch.last_sequence <= frame.last_sequence:
                self._compare_batch(books, batch, frame, expected)
                expected = (batch.batch + 1, batch.last_sequence + 1)
                batch = next(waiting, None)
            if self.progress is not None:
                self.progress(frame.last_sequence, max(total, frame.last_sequence))
        if batch is not None:
            self.problems.append(
                f"ledger: batch {batch.batch} settles up to command {batch.last_sequence},"
                f" and the journal ends with command {self.replay.n_commands}"
            )
        self.snapshots.finish(self.journal.passed, self.replay.n_commands)
        if chain is not None:
            closed = self.journal.is_sealed and not self.is_running
            chain.finish(self.replay.n_commands, self.replay.core.n_accounts, is_closed=closed)
        self._compare_end(books)

    def findings(self) -> Findings:
        """Sum up."""
        problems = [*self.journal.problems, *self.replay.problems, *self.snapshots.problems, *self.problems]
        problems += self.chain.problems if self.chain else []
        shown = problems[:_PROBLEMS_SHOWN]
        if len(problems) > len(shown):
            shown.append(f"and {len(problems) - len(shown)} more")
        return Findings(
            ok=not problems and self.is_conserved and self.is_replayed,
            commands=self.replay.n_commands,
            trades=self.n_trades + len(self._stretch.trades),
            batches=self.n_batches,
            accounts=self.replay.core.n_accounts,
            state_hash=self.replay.core.state_hash(),
            conserved=self.is_conserved,
            state_hash_replayed=self.is_replayed,
            problems=tuple(shown),
            notes=(*self.journal.notes, *self.notes),
            chain=self.chain.findings() if self.chain else None,
        )

    def _compare_batch(self, books: Books, batch: BatchRow, frame: Frame, expected: tuple[int, int]) -> None:
        """Compare one batch, row by row, with what the journal makes of its stretch."""
        name, stretch = f"ledger: batch {batch.batch}", self._stretch
        if (batch.batch, batch.first_sequence) != expected:
            self.problems.append(
                f"{name} starts with command {batch.first_sequence}: batch {expected[0]} from {expected[1]} was next"
            )
        if batch.last_sequence != frame.last_sequence:
            self.problems.append(f"{name} ends with command {batch.last_sequence}, where no stretch was released")
        elif batch.journal_hash != frame.chain:
            self.problems.append(f"{name} names another journal hash than the journal has after its last command")
        if batch.time_ns != self.replay.core.now_ns:
            self.problems.append(f"{name} has another time than its last command")
        lines = stretch.lines()
        for kind, booked in books.lines(batch.batch).items():
            self.problems += _differences(f"{name}: {kind}", booked, lines[kind])
        if (batch.postings, batch.trades, batch.transfers, batch.withdrawals, batch.busts) != stretch.counts():
            self.problems.append(f"{name} counts other postings, trades or transfers than it should have")
        for (instrument, number), said in stretch.undone.items():
            if books.trade(instrument, number) != said:
                self.problems.append(
                    f"{name}: the bust of trade {number} of instrument {instrument} is of another trade"
                )
        if batch.trades_root != stretch.trades_root():
            self.problems.append(f"{name} has another root over its trades than they make")
        content = (batch.batch, batch.first_sequence, batch.last_sequence, batch.time_ns)
        head = stretch.head(self._head, content, batch.journal_hash)
        if head != batch.head:
            self.problems.append(f"{name} has another head than its content makes")
        self._head = batch.head
        self.n_trades += len(stretch.trades)
        for key, units in stretch.deltas.items():
            self._settled[key] += units
        self._names |= stretch.names
        self._stretch = Stretch()

    def _compare_end(self, books: Books | None) -> None:
        """Compare balances and names, and what is left over on either side."""
        if not (self.journal.is_sealed or self.is_running or self.journal.problems):
            self.notes.append(
                "journal: not closed in order: the venue was killed, or the journal's end was removed"
                f" (it ends with command {self.replay.n_commands})"
            )
        balance_problems: list[str] = []
        if books is not None:
            balance_problems += self._compare_books(books)
        for key, units in self._stretch.deltas.items():
            self._settled[key] += units
        owed = {key: units for key, units in self._settled.items() if units}
        held = self._core_balances()
        balance_problems += self._balance_differences("core", held, owed)
        balance_problems += self._sum_problems("core", held)
        self.problems += balance_problems
        read_whole = not self.journal.problems
        self.is_conserved = read_whole and not balance_problems
        self.is_replayed = read_whole and not self.replay.problems and self.replay.n_seals > 0

    def _compare_books(self, books: Books) -> list[str]:
        """Compare what the ledger has at its end; return what is wrong with its balances."""
        if self.journal.is_sealed and self._stretch.moves_money:
            left = f"{len(self._stretch.trades)} trades and {self._stretch.n_transfers} transfers at its end"
            if self.is_running:
                self.notes.append(f"ledger: the venue is running, and {left} are not settled yet")
            else:
                self.problems.append(
                    f"ledger: the journal is sealed, but {left} are in no batch; start the venue to settle them"
                )
        if stray := books.stray_lines():
            self.problems.append(f"ledger: {stray} lines belong to no batch")
        if books.names() != self._names:
            self.problems.append("ledger: its accounts carry other names than those that logged on")
        booked = books.balances()
        settled = {key: units for key, units in self._settled.items() if units}
        return self._balance_differences("ledger", booked, settled) + self._sum_problems("ledger", booked)

    def _sum_problems(self, where: str, balances: dict[tuple[int, int], int]) -> list[str]:
        """Say which currencies do not sum to zero over all accounts."""
        problems = []
        for currency in self.venue.currencies:
            total = sum(units for (_, index), units in balances.items() if index == currency.index)
            if total:
                problems.append(f"{where}: {currency.code} is off by {currency.text(total)}")
        return problems

    def _core_balances(self) -> dict[tuple[int, int], int]:
        core = self.replay.core
        keys = [(account, c.index) for account in range(core.n_accounts) for c in self.venue.currencies]
        balances = {key: sum(core.balance(*key)) for key in keys}
        return {key: units for key, units in balances.items() if units}

    def _balance_differences(
        self, where: str, found: dict[tuple[int, int], int], expected: dict[tuple[int, int], int]
    ) -> list[str]:
        problems = []
        for account, index in sorted(found.keys() | expected.keys()):
            has, should = found.get((account, index), 0), expected.get((account, index), 0)
            if has != should:
                problems.append(
                    f"{where}: account {account} has {has} units of currency {index}, and should have {should}"
                )
        return problems


def _differences(what: str, booked: list[Row], made: list[Row]) -> list[str]:
    """Say where two lists of rows first differ."""
    if booked == made:
        return []
    for n, (has, should) in enumerate(zip(booked, made, strict=False)):
        if has != should:
            return [f"{what} {n + 1} is {has}, and should be {should}"]
    return [f"{what}s are {len(booked)}, and should be {len(made)}"]
