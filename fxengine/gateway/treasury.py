"""Who may bring a currency in and take it out, and how much of it: what the venue asks before the core does.

The core knows operators and issuers, each issuer with the currencies of its credential. Two things more are
the venue file's and the custodians', so they are asked here, at the door:

=============== =============================================================================================
its issuer      a currency that an issuer is listed for comes in and leaves at its word alone, not an operator's
its reserves    no deposit makes the venue owe more of an attested currency than is freshly attested
=============== =============================================================================================

A command that comes again is let through: the core answers it with what became of it, and does nothing.
"""

from fxengine.codes import RejectReason
from fxengine.engine import MatchingCore
from fxengine.gateway.session import Session
from fxengine.messages import Deposit, EndWithdrawal
from fxengine.reserves import ReserveWatch
from fxengine.venue import Venue


class Treasury:
    """Looks at DEPOSITs and at the ends of withdrawals. ``core`` has applied everything that came before them."""

    def __init__(self, venue: Venue, core: MatchingCore, reserves: ReserveWatch | None) -> None:
        self._core = core
        self._reserves = reserves
        listed = venue.currency
        self._issuer = {listed[code].index: i.name for i in venue.issuers.values() for code in i.issues}

    def refusal(self, session: Session, message: Deposit | EndWithdrawal, now_ns: int) -> RejectReason:
        """Return why a money command is not taken, or NONE. O(log withdrawals), and O(files) after an attestation."""
        if isinstance(message, EndWithdrawal):
            waiting = self._core.open_withdrawals(0, message.withdrawal - 1, 1) if message.withdrawal else ()
            found = [row[2] for row in waiting if row[0] == message.withdrawal]
            return self._issued_by_another(session, found[0]) if found else RejectReason.NONE
        reason = self._issued_by_another(session, message.currency)
        if reason or self._is_covered(message, now_ns) or self._is_repetition(session, message.client_order_id):
            return reason
        return RejectReason.RESERVES_EXCEEDED

    def _is_covered(self, message: Deposit, now_ns: int) -> bool:
        """Say whether the reserves cover a deposit; of one that the core refuses anyway that is not asked."""
        if self._reserves is None or message.amount_units < 1 or message.currency in self._core.redeem_only():
            return True
        room = self._reserves.room_units(message.currency, now_ns)
        return room is None or message.amount_units <= room

    def _issued_by_another(self, session: Session, currency: int) -> RejectReason:
        own = self._issuer.get(currency)
        assert session.grant is not None
        by_another = own is not None and own != session.grant.credential.issuer
        return RejectReason.NOT_ITS_ISSUER if by_another else RejectReason.NONE

    def _is_repetition(self, session: Session, client_order_id: int) -> bool:
        return self._core.order_state(session.account, client_order_id, 0) is not None
