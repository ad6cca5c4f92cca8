"""The venue's own hand: it closes itself where going on would promise too much, and opens again when it may.

Too many trades wait for the ledger, or have waited for too long: CANCEL_ONLY, until half of that. A currency is not
covered by its reserves: REDEEM_ONLY, until it is. Each is a CONTROL command in the journal, from
account 0, so that a replay closes and opens at the same places::

    overdue   no  no  YES YES YES no  no
    command           CANCEL_ONLY     OPEN

What an operator has closed the venue does not open: it opens only what it closed itself and no
operator has spoken of since. Who closed it is not in the journal's state, so what was closed when a
venue stopped stays closed until an operator opens it.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
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

    def hold_trading(self, overdue: str | None) -> None:
        """Close the venue to all that adds risk while something is overdue, for the reason given. O(1)."""
        self._follow({} if overdue is None else {_VENUE: overdue}, ControlScope.VENUE)

    def hold_currencies(self, uncovered: Iterable[int]) -> None:
        """Make these currencies redeem-only, and no others. O(currencies that change)."""
        why = "its reserves do not cover it"
        self._follow({Subject(ControlScope.CURRENCY, currency): why for currency in uncovered}, ControlScope.CURRENCY)

    def heard(self, events: Records) -> None:
        """Note what operators have said: what they spoke of is theirs from then on."""
        told = (events["kind"] == EventKind.CONTROLLED) & (events["account"] != FEES_ACCOUNT)
        for event in events[told] if told.any() else ():
            self._own.discard(Subject(ControlScope(int(event["quantity_lots"])), int(event["instrument"])))

    def _follow(self, wanted: Mapping[Subject, str], scope: ControlScope) -> None:
        own = {subject for subject in self._own if subject.scope == scope}
        if wanted.keys() == own:
            return
        for subject in sorted(wanted.keys() - own):
            if not self._is_closed(subject):
                self._own.add(subject)
                self._say(subject, _CLOSED[scope], f": {wanted[subject]}")
        for subject in sorted(own - wanted.keys()):
            self._own.remove(subject)
            self._say(subject, ControlMode.OPEN, "")

    def _is_closed(self, subject: Subject) -> bool:
        return self._core.cancel_only if subject == _VENUE else subject.currency in self._core.redeem_only()

    def _say(self, subject: Subject, mode: ControlMode, why: str) -> None:
        what = "the venue" if subject == _VENUE else self._codes[subject.currency]
        _log.warning("%s is now %s%s", what, mode.name, why)
        self._batch.add(control_record(FEES_ACCOUNT, 0, subject.scope, mode, subject.currency))
