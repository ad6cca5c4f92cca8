"""From a private message to the report that says what it means, in the venue's own instruments and currencies."""

from collections.abc import Callable

from fxengine.client.listing import Listing
from fxengine.client.reports import (
    BustNotice,
    CommandDone,
    ControlNotice,
    Execution,
    GuardNotice,
    MoneyMovement,
    Refusal,
    Report,
    RevocationNotice,
    SwapReceipt,
)
from fxengine.codes import ControlMode, ControlScope, EventFlag, EventKind, GuardAction, RejectReason, RevokeAction
from fxengine.messages import ExecutionReport, MoneyReport, OrderStatus, SwapReport

Numbered = ExecutionReport | OrderStatus | SwapReport | MoneyReport
"""The messages of an account's private stream."""


class Reader:
    """Reads a stream of reports. It keeps the fills of a swap until the swap's receipt, which names them."""

    def __init__(self, listing: Callable[[], Listing]) -> None:
        self._listing = listing
        self._legs: list[Execution] = []

    def read(self, message: Numbered) -> Report | None:
        """Return what a message reports; None where it only answers a request. O(1)."""
        if isinstance(message, ExecutionReport):
            return self._execution(message)
        if isinstance(message, SwapReport):
            return self._receipt(message)
        if isinstance(message, MoneyReport):
            return self._money(message)
        return None

    def _execution(self, message: ExecutionReport) -> Report | None:
        kind, reason = message.exec_type, RejectReason(message.reason)
        if kind == EventKind.REJECTED:
            return Refusal(reason, reason.text, message.request_id or message.client_order_id)
        if kind == EventKind.GUARDED:
            action, setting = GuardAction(message.side), message.quantity_lots
            return GuardNotice(action, reason, setting, message.sequence, message.time_ns)
        if kind == EventKind.REVOKED:
            return RevocationNotice(RevokeAction(message.side), reason, message.sequence, message.time_ns)
        if kind == EventKind.CONTROLLED:
            scope = ControlScope(message.quantity_lots)
            currency = self._listing().currencies[message.instrument] if scope is ControlScope.CURRENCY else None
            return ControlNotice(scope, ControlMode(message.side), currency, message.sequence, message.time_ns)
        if kind == EventKind.CREDENTIALED:
            return None
        instrument = self._listing().instruments[message.instrument]
        if kind == EventKind.BUSTED:
            return BustNotice(message, instrument)
        execution = Execution(message, instrument)
        if message.flags & EventFlag.SWAP:
            self._legs.append(execution)
        return execution

    def _receipt(self, message: SwapReport) -> SwapReceipt:
        listing = self._listing()
        currencies = listing.currencies
        route = tuple(listing.instruments[index] for index in message.path)
        change, holding = [], currencies[message.currency_in]
        for instrument, units in zip(route, message.change_units, strict=True):
            holding = instrument.quote if holding == instrument.base else instrument.base
            change += [(holding, units)] if units else []
        legs, self._legs = tuple(self._legs), []
        return SwapReceipt(
            message.client_order_id,
            message.sequence,
            currencies[message.currency_in],
            currencies[message.currency_out],
            message.amount_in_units,
            message.amount_out_units,
            message.payee,
            route,
            tuple(change),
            tuple(leg for leg in legs if leg.message.sequence == message.sequence),
            message.time_ns,
        )

    def _money(self, message: MoneyReport) -> MoneyMovement | CommandDone:
        if message.exec_type == EventKind.DONE:
            return CommandDone(message.client_order_id, message.sequence, message.amount_units, message.time_ns)
        return self.movement(message)

    def movement(self, message: MoneyReport) -> MoneyMovement:
        """Read a report of money that moved; DONE too, where it is known to answer one of a deposit or a withdrawal."""
        return MoneyMovement(
            EventKind(message.exec_type),
            message.client_order_id,
            message.sequence,
            self._listing().currencies[message.currency],
            message.amount_units,
            message.counterparty,
            message.time_ns,
            message.withdrawal,
        )
