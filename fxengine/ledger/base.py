"""The ``Ledger`` protocol: what settlement may rely on, whichever backend keeps the money.

A ledger takes zero-sum batches and holds every account's balance. Whatever the backend, it keeps
these promises; :mod:`fxengine.ledger.check` has a check for each by its name, which the tests put every
backend to, and ``fxengine ledger check URL`` any ledger anywhere:

========================  ==========================================================================
atomic                    a batch is in the ledger whole, or not at all, whenever the machine stops
idempotent                posting a batch again, at any time, changes nothing and does not fail
mismatch refused          the same id with other content raises :class:`LedgerMismatch`
strictly ordered          ids are 1, 2, 3 ...; each batch starts with the command after the last
                          one's end and carries a head made from the last one's; else ``LedgerMismatch``
cursor with the batch     :meth:`Ledger.cursor` moves in the same atomic step as the balances, so that
                          after a crash it tells exactly what still has to be posted
conserving                per currency all balances sum to zero, always: deposits come out of the
                          custody account, which alone may be negative, and must not be positive
bound to one venue        a ledger opened with another venue's rules refuses
safe on any thread        every method may be called from any thread
========================  ==========================================================================

A failure that leaves nothing known to be posted raises :class:`LedgerUnavailable`, and the caller
may post the same batch again; any other :class:`LedgerError` will not get better by trying again.

In some ledgers a batch that is posted is FINAL (:class:`FinalAtOnce`). In others it has a way to go: it is
durably the ledger's, and :meth:`Ledger.advance` brings it to where others can see it (POSTED) and from there,
with time, to where nobody can undo it (FINAL). FINAL never goes back; POSTED may, to PENDING::

    post() --> PENDING --advance()--> POSTED --advance()--> FINAL
                  ^----------------------+   undone, and brought there again

Backends are found by the scheme of their URL. One is imported only when its scheme is asked for,
so that what a backend needs has to be installed only where it is used. A distribution that brings
a backend of its own names it as an entry point::

    [project.entry-points."fxengine.ledgers"]
    mybooks = "mybooks.ledger:open_mybooks"         # for mybooks:REST; called as open_mybooks(REST, venue)

The package's own schemes cannot be taken over that way.
"""

import re
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final, NamedTuple, Protocol, cast

from fxengine.codes import CUSTODY_ACCOUNT, SettlementStatus
from fxengine.errors import LedgerError, LedgerMismatch
from fxengine.ledger.batch import AccountName, Batch, Cursor
from fxengine.money import INT64_MAX
from fxengine.venue import Venue

Balances = dict[tuple[int, int], int]
"""Units by (account, currency). An absent key is a balance of zero."""


class Progress(NamedTuple):
    """How far batches have come: ``1..final`` are FINAL, those up to ``posted`` POSTED, the rest PENDING."""

    posted: int
    final: int


class InFlight(NamedTuple):
    """A batch that the ledger has and that is not FINAL, as far as its news need it."""

    batch_id: int
    first_sequence: int
    last_sequence: int
    accounts: tuple[int, ...]  # whom it concerns, ascending
    n_trades: int
    time_ns: int  # of its last command


class Ledger(Protocol):
    """The book of settled money. See the module's docstring for what every backend promises."""

    @property
    def finality(self) -> str:
        """Name the policy by which this backend calls a batch FINAL, as clients are told it."""

    @property
    def frame_commands_max(self) -> int | None:
        """Return how many commands a frame of the journal may hold, so that one frame fits; None: any number."""

    @property
    def settle_within_ns(self) -> int | None:
        """Return how long what was matched may wait to be FINAL and still be sure to settle; None: for ever.

        A ledger that lets holders take out what they owe, after a while, has such an end.
        """

    def fits(self, batch: Batch) -> bool:
        """Say whether the ledger takes as much in one batch; what does not fit is cut into several. O(batch)."""

    def cursor(self) -> Cursor:
        """Return how far the ledger has come. O(1)."""

    def post(self, batch: Batch) -> None:
        """Post a batch once. O(batch).

        Returns once the batch is in the ledger, now or from before. Raises :class:`LedgerMismatch`
        for other content under a known id, a gap, or another history; :class:`LedgerUnavailable`
        where trying again may help; :class:`LedgerError` where the content itself is impossible.
        """

    def progress(self) -> Progress:
        """Return how far batches are known to have come. O(1), and asks nobody."""

    def advance(self) -> int | None:
        """Bring posted batches further, as far as is due now; return in how many ns to call again.

        None: nothing is in flight; it is called now and then all the same. Raises :class:`LedgerUnavailable` where
        the same may be tried again later, and :class:`LedgerError` where nothing more may be posted before somebody
        has looked.
        """

    def unfinished(self) -> list[InFlight]:
        """Return the batches that are not FINAL, in order: after a start they have news to come. O(those)."""

    def status(self, batch_id: int) -> SettlementStatus:
        """Return PENDING for a batch the ledger does not have, else how settled it is."""

    def balance(self, account: int, currency: int) -> int:
        """Return one balance in units; 0 where nothing was ever posted."""

    def balances(self) -> Balances:
        """Return every balance that was ever posted to, zeros included. O(accounts)."""

    def close(self) -> None:
        """Give up what the backend holds open. Nothing is lost; the object is of no more use."""


class FinalAtOnce:
    """A ledger in which a batch that is posted is FINAL, so that nothing is ever in flight. To be inherited."""

    frame_commands_max: int | None = None
    settle_within_ns: int | None = None

    def cursor(self) -> Cursor:
        """Return how far the ledger has come."""
        raise NotImplementedError

    def fits(self, batch: Batch) -> bool:
        """Say yes: a database takes a batch of any size."""
        return True

    def progress(self) -> Progress:
        """Return that all that is posted is FINAL."""
        last = self.cursor().batch_id
        return Progress(last, last)

    def advance(self) -> int | None:
        """Do nothing: there is nothing to bring further."""
        return None

    def unfinished(self) -> list[InFlight]:
        """Return nothing."""
        return []


Opener = Callable[[str, Venue], Ledger]
"""What opens a backend's ledger: ``opener(rest_of_url, venue)``."""

ENTRY_POINTS: Final = "fxengine.ledgers"
"""The group in which other distributions name their backends: scheme to opener."""

LEDGER_NAME: Final = "ledger.sqlite"
"""The default ledger's file in a venue's data directory."""
CHAIN_NAME: Final = "chain"
"""The folder of a venue's data directory where a deployment stands when nobody says otherwise."""
_CHAIN: Final = "evm"

_OWN: Final = {
    "evm": ("fxengine.ledger.evm", "open_evm"),
    "memory": ("fxengine.ledger.memory", "open_memory"),
    "postgres": ("fxengine.ledger.postgres", "open_postgres"),
    "postgresql": ("fxengine.ledger.postgres", "open_postgres"),
    "sqlite": ("fxengine.ledger.sqlite", "open_sqlite"),
}
"""URL scheme to the module and function that open it."""


def open_ledger(url: str, venue: Venue) -> Ledger:
    """Open the ledger that a URL names, creating it where it does not exist yet.

    ``memory:`` keeps it in this process and loses it with it; ``sqlite:PATH`` is a file;
    ``postgresql://...`` a schema in a database; ``evm:DIRECTORY`` a vault on a chain, with books beside it;
    other schemes are other distributions'.
    Raises :class:`LedgerError` for an unknown scheme (naming the known ones), for what is no ledger
    or of another version, and for the ledger of another venue; :class:`MissingExtraError` where a
    backend's libraries are not installed.
    """
    scheme, colon, rest = url.partition(":")
    opener = _opener(scheme) if colon else None
    if opener is None:
        known = ", ".join(f"{name}:" for name in sorted({*_OWN, *entry_points(group=ENTRY_POINTS).names}))
        raise LedgerError(f"no ledger backend is called {scheme!r}; a ledger URL starts with one of {known}")
    return opener(rest, venue)


def ledger_of(directory: Path, given: str | None = None) -> str:
    """Return the URL of the ledger of a venue's directory: the one given, else the venue's own file.

    >>> ledger_of(Path("myvenue")), ledger_of(Path("myvenue"), "evm"), ledger_of(Path("myvenue"), "memory:")
    ('sqlite:myvenue/ledger.sqlite', 'evm:myvenue/chain', 'memory:')
    """
    if given == _CHAIN:
        return f"{_CHAIN}:{directory / CHAIN_NAME}"
    return given or f"sqlite:{directory / LEDGER_NAME}"


def _opener(scheme: str) -> Opener | None:
    if scheme in _OWN:
        module, function = _OWN[scheme]
        return cast(Opener, getattr(import_module(module), function))
    offered = list(entry_points(group=ENTRY_POINTS, name=scheme))
    if not offered:
        return None
    if len({point.value for point in offered}) > 1:
        by = " and ".join(sorted(point.dist.name if point.dist else "?" for point in offered))
        raise LedgerError(f"{by} both bring a ledger backend called {scheme!r}; uninstall one of them")
    by = offered[0].dist.name if offered[0].dist else "?"
    try:
        opener = offered[0].load()
    except Exception as e:  # importing somebody else's module may fail in any way
        raise LedgerError(f"the ledger backend {scheme!r}, which {by} brings, cannot be loaded: {e}") from e
    if not callable(opener):
        raise LedgerError(f"the ledger backend {scheme!r}, which {by} brings, names nothing that opens one")
    return cast(Opener, opener)


def shown(url: str) -> str:
    """Return a ledger's URL without what may be a password in it, for messages and logs.

    >>> shown("postgresql://settlement:hunter2@db.example/books?password=hunter2&schema=venue")
    'postgresql://settlement:***@db.example/books?password=***&schema=venue'
    >>> shown("sqlite:books/ledger.sqlite")
    'sqlite:books/ledger.sqlite'
    """
    authority = _CREDENTIALS.sub(r"\1:***@", url)
    return _SECRET_PARAMETER.sub(r"\1***", authority)


_CREDENTIALS: Final = re.compile(r"(//[^:/?#@]*):.*@")
_SECRET_PARAMETER: Final = re.compile(r"([?&][^=&]*(?:pass|secret|token|key)[^=&]*=)[^&]*", re.IGNORECASE)


def is_next(batch: Batch, cursor: Cursor, head_of: Callable[[int], bytes]) -> bool:
    """Say whether a batch is the one to post now (True) or is in the ledger already (False).

    ``head_of(batch_id)`` returns a stored head, the genesis head for 0. Raises
    :class:`LedgerMismatch` for everything else; every backend decides with this one function.
    """
    if batch.id < 1 or batch.id > cursor.batch_id + 1:
        raise LedgerMismatch(f"batch {batch.id} does not follow batch {cursor.batch_id}: batches are never skipped")
    if not batch.follows(head_of(batch.id - 1)):
        raise LedgerMismatch(f"batch {batch.id} does not continue this ledger: its head is not made from the last one")
    if batch.id <= cursor.batch_id:
        if batch.head != head_of(batch.id):
            raise LedgerMismatch(f"batch {batch.id} was posted before with other content")
        return False
    if batch.first_sequence != cursor.last_sequence + 1:
        raise LedgerMismatch(
            f"batch {batch.id} starts with command {batch.first_sequence}, but the ledger has settled"
            f" up to {cursor.last_sequence}"
        )
    return True


def check_balance(account: int, currency: int, units: int) -> None:
    """Raise :class:`LedgerError` for a balance that no account may have."""
    if abs(units) > INT64_MAX or (units > 0 if account == CUSTODY_ACCOUNT else units < 0):
        raise LedgerError(f"account {account} would hold {units} units of currency {currency}")


def check_names(new: Iterable[AccountName], known: Iterable[AccountName]) -> None:
    """Raise :class:`LedgerMismatch` where a name would rename an account or open a second one for its owner.

    ``known`` need only hold the names that share an account or an identity with a new one. O(both).
    """
    owners = {name.account: name for name in known}
    accounts = {name[1:]: name.account for name in owners.values()}
    for name in new:
        if owners.setdefault(name.account, name) != name:
            raise LedgerMismatch(f"account {name.account} belongs to another identity in this ledger")
        if accounts.setdefault(name[1:], name.account) != name.account:
            raise LedgerMismatch(f"account {name.account}'s owner has account {accounts[name[1:]]} in this ledger")
