"""The commands of this session that wait for their answers, and which message answers which.

A command is finished by the report that ends it::

    NEW_ORDER    ACCEPTED with BOOK | ACCEPTED of a stop | RESTED | CANCELED | its own fill with nothing left
    CANCEL       CANCELED with its request id
    AMEND        REPLACED of its order, at its price and quantity
    MASS_QUOTE   one QUOTED or REJECTED per set
    MASS_CANCEL  MONEY_REPORT, DONE; so DEPOSIT, REVOKE, END_WITHDRAWAL, CONTROL, BUST,
                 FEE_PAYOUT
    WITHDRAW     MONEY_REPORT, WITHDRAWAL_HELD with its id; DONE where it is another's money
    SWAP         SWAP_REPORT
    DEAD_MAN     GUARDED with its timeout; it has no client order id
    any          REJECTED, or ORDER_STATUS where the id was used before

Several sessions of one account hear each other's reports. For payments the venue tells this session
the number of its own command (TAKEN), and only a report with that number answers the call. An id
that was chosen here and yet was used before belongs to another session: the call fails.
"""

from collections import deque
from typing import Any, Final

from fxengine.client.call import Call, Pending
from fxengine.client.reports import Order, QuoteResult
from fxengine.codes import RejectReason
from fxengine.errors import FxEngineError, RequestRejected
from fxengine.messages import (
    Amend,
    Bust,
    Cancel,
    Control,
    DeadMan,
    Deposit,
    EndWithdrawal,
    FeePayout,
    MassCancel,
    MassQuote,
    NewOrder,
    Revoke,
    Swap,
    Withdraw,
)

Command = (
    NewOrder
    | Cancel
    | Amend
    | MassCancel
    | MassQuote
    | Swap
    | Deposit
    | Withdraw
    | Revoke
    | EndWithdrawal
    | Control
    | Bust
    | FeePayout
)
"""What has a client order id."""

R = RejectReason
OF_ONE_SET: Final = frozenset({
    R.UNKNOWN_INSTRUMENT, R.CURRENCY_NOT_PERMITTED, R.PRICE_OUT_OF_RANGE, R.QUANTITY_OUT_OF_RANGE,
    R.NOTIONAL_TOO_LARGE, R.INSUFFICIENT_FUNDS, R.BAD_QUOTE_SET, R.WOULD_CROSS, R.CAPACITY,
})  # fmt: skip
"""Why one set of a mass quote is refused; any other reason refuses all of it."""
_NS_PER_MS: Final = 1_000_000


class CommandsUnderWay:
    """Calls of commands, by client order id."""

    def __init__(self) -> None:
        self._by_id: dict[int, Pending] = {}
        self._guards: deque[Pending] = deque()

    def expect(self, request: Command, *, automatic: bool) -> Call[Any]:
        """Make the call of a command; ``automatic`` where its client order id was chosen here."""
        number = request.client_order_id
        call: Call[Any] = Call(
            f"{type(request).__name__} with client_order_id {number}; whether it was done is not known, and the same"
            " request with the same client_order_id is safe to send again"
        )
        self._by_id[number] = Pending(call, request, automatic)
        return call

    def expect_guard(self, request: DeadMan) -> Call[None]:
        """Make the call of a DEAD_MAN."""
        call: Call[None] = Call("DEAD_MAN; whether it was set is not known, and it is safe to send again")
        self._guards.append(Pending(call, request, automatic=True))
        return call

    def requests(self) -> list[Any]:
        """Return what waits, in the order in which it was sent."""
        return [pending.request for pending in (*self._by_id.values(), *self._guards)]

    def note_sent_again(self) -> None:
        """Note that all of it was sent once more."""
        for pending in self._by_id.values():
            pending.is_sent_again = True

    def get(self, client_order_id: int) -> Pending | None:
        """Return what waits under an id."""
        return self._by_id.get(client_order_id)

    def answered(self, client_order_id: int, sequence: int) -> Pending | None:
        """Return, and forget, the command that a report of this command number answers."""
        pending = self._by_id.get(client_order_id)
        if pending is None or not pending.is_answered_by(sequence):
            return None
        return self._by_id.pop(client_order_id)

    def succeed(self, client_order_id: int, sequence: int, result: object) -> None:
        """Finish a command, if this is its number; else remember the result, in case it turns out to be."""
        pending = self._by_id.get(client_order_id)
        if pending is None:
            return
        if not pending.is_answered_by(sequence):
            pending.heard[sequence] = result
            return
        del self._by_id[client_order_id]
        pending.call.succeed(result)

    def fail(self, client_order_id: int, error: FxEngineError) -> bool:
        """Fail the command with this id; False where none waits."""
        pending = self._by_id.pop(client_order_id, None)
        if pending is not None:
            pending.call.fail(error)
        return pending is not None

    def fail_all(self, error: FxEngineError) -> None:
        """Fail all that waits."""
        waiting = [*self._by_id.values(), *self._guards]
        self._by_id.clear()
        self._guards.clear()
        for pending in waiting:
            pending.call.fail(error)

    # -- those that one report does not end by its id

    def replaced(self, order: Order) -> None:
        """Finish the amend that asked for what the order has become."""
        for number, pending in self._by_id.items():
            amend = pending.request
            if not isinstance(amend, Amend):
                continue
            named = amend.order_id == order.order_id or (
                not amend.order_id and amend.orig_client_order_id == order.client_order_id
            )
            if named and (amend.price_ticks, amend.quantity_lots) == (order.price_ticks, order.quantity_lots):
                del self._by_id[number]
                pending.call.succeed(order)
                return

    def set_ended(self, client_order_id: int, sequence: int, symbol: str, reason: RejectReason) -> bool:
        """Note how one set of a mass quote ended; finish the quote with its last. False where none waits."""
        pending = self._by_id.get(client_order_id)
        if pending is None or not isinstance(pending.request, MassQuote):
            return False
        so_far = pending.so_far or QuoteResult(client_order_id, sequence, 0, 0)
        refused = so_far.refused | ({symbol: reason} if reason else {})
        n_quoted, n_refused = so_far.n_quoted + (not reason), so_far.n_refused + bool(reason)
        pending.so_far = QuoteResult(client_order_id, sequence, n_quoted, n_refused, refused)
        if n_quoted + n_refused == len(pending.request.sets):
            del self._by_id[client_order_id]
            pending.call.succeed(pending.so_far)
        return True

    def guarded(self, timeout_ns: int) -> None:
        """Finish the DEAD_MAN that asked for this timeout."""
        for pending in self._guards:
            if pending.request.timeout_ms * _NS_PER_MS == timeout_ns:
                self._guards.remove(pending)
                pending.call.succeed(None)
                return

    def guard_refused(self, error: RequestRejected) -> bool:
        """Fail the DEAD_MAN that was sent first; False where none waits."""
        if not self._guards:
            return False
        self._guards.popleft().call.fail(error)
        return True
