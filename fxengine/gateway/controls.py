"""The venue's own hand: it closes itself where going on would promise too much, and opens again when it may.

Too many trades wait for the ledger: CANCEL_ONLY, until half of them are settled. A currency is not
covered by its reserves: REDEEM_ONLY, until it is. Each is a CONTROL command in the journal, from
account 0, so that a replay closes and opens at the same places::

    overdue   no  no  YES YES YES no  no
    command           CANCEL_ONLY     OPEN

What an operator has closed the venue does not open: it opens only what it closed itself and no
operator has spoken of since. Who closed it is not in the journal's state, so what was closed when a
venue stopped stays closed until an operator opens it.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from fxengine.codes import FEES_ACCOUNT, ControlMode, ControlScope, EventKind
from fxengine.engine import MatchingCore
from fxengine.gateway.batch import Batch
from fxengine.gateway.commands import control_record
from fxengine.records import Records

_log = logging.getLogger(__name__)


class Subject(NamedTuple):
    """What is open or closed: the venue, or a currency."""

    scope: ControlScope
    currency: int = 0


_VENUE: Final = Subject(ControlScope.VENUE)
_CLOSED: Final = {ControlScope.VENUE: ControlMode.CANCEL_ONLY, ControlScope.CURRENCY: ControlMode.REDEEM_ONLY}


class Controls:
    """What the venue itself has closed, through commands put into ``batch``. ``codes``: the currencies', by index."""

    def __init__(self, core: MatchingCore, batch: Batch, codes: Sequence[str]) -> None:
        self._core = core
        self._codes = codes
        self._batch = batch
        self._own: set[Subject] = set()

    def hold_trading(self, *, overdue: bool) -> None:
        """Close the venue to all that adds risk while too much is overdue. O(1)."""
        self._follow({_VENUE} if overdue else set(), ControlScope.VENUE)

    def hold_currencies(self, uncovered: Iterable[int]) -> None:
        """Make these currencies redeem-only, and no others. O(currencies that change)."""
        self._follow({Subject(ControlScope.CURRENCY, currency) for currency in uncovered}, ControlScope.CURRENCY)

    def heard(self, events: Records) -> None:
        """Note what operators have said: what they spoke of is theirs from then on."""
        told = (events["kind"] == EventKind.CONTROLLED) & (events["account"] != FEES_ACCOUNT)
        for event in events[told] if told.any() else ():
            self._own.discard(Subject(ControlScope(int(event["quantity_lots"])), int(event["instrument"])))

    def _follow(self, wanted: set[Subject], scope: ControlScope) -> None:
        own = {subject for subject in self._own if subject.scope == scope}
        if wanted == own:
            return
        for subject in sorted(wanted - own):
            if not self._is_closed(subject):
                self._own.add(subject)
                self._say(subject, _CLOSED[scope])
        for subject in sorted(own - wanted):
            self._own.remove(subject)
            self._say(subject, ControlMode.OPEN)

    def _is_closed(self, subject: Subject) -> bool:
        return self._core.cancel_only if subject == _VENUE else subject.currency in self._core.redeem_only()

    def _say(self, subject: Subject, mode: ControlMode) -> None:
        what = "the venue" if subject == _VENUE else self._codes[subject.currency]
        why = "too many trades wait for the ledger" if subject == _VENUE else "its reserves do not cover it"
        _log.warning("%s is now %s%s", what, mode.name, "" if mode is ControlMode.OPEN else f": {why}")
        self._batch.add(control_record(FEES_ACCOUNT, 0, subject.scope, mode, subject.currency))
