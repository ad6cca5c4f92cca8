"""From a private message to the report that says what it means, in the venue's own instruments and currencies."""

from collections.abc import Callable

from fxengine.client.executions import Execution
from fxengine.client.listing import Listing
from fxengine.client.notices import BustNotice, ControlNotice, GuardNotice, RevocationNotice
from fxengine.client.reports import (
    CommandDone,
    MoneyMovement,
    Refusal,
    Report,
)
from fxengine.client.swaps import SwapLeg, SwapReceipt, read_leg, read_receipt
from fxengine.codes import ControlMode, ControlScope, EventFlag, EventKind, GuardAction, RejectReason, RevokeAction
from fxengine.messages import ExecutionReport, MoneyReport, OrderStatus, SwapLegReport, SwapPathReport, SwapReport

Numbered = ExecutionReport | OrderStatus | SwapLegReport | SwapPathReport | SwapReport | MoneyReport
"""The messages of an account's private stream."""


class Reader:
    """Reads a stream of reports. It keeps the parts of a swap's receipt until the last of them comes."""

    def __init__(self, listing: Callable[[], Listing]) -> None:
        self._listing = listing
        self._fills: list[Execution] = []
        self._legs: list[tuple[int, SwapLeg]] = []
        self._paths: list[SwapPathReport] = []

    def read(self, message: Numbered) -> Report | None:
        """Return what a message reports; None where it only answers a request. O(1)."""
        if isinstance(message, ExecutionReport):
            return self._execution(message)
        if isinstance(message, SwapReport):
            return self._receipt(message)
        if isinstance(message, SwapLegReport):
            self._legs.append((message.sequence, read_leg(message, self._listing())))
        elif isinstance(message, SwapPathReport):
            self._paths.append(message)
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
            self._fills.append(execution)
        return execution

    def _receipt(self, message: SwapReport) -> SwapReceipt:
        fills, self._fills = self._fills, []
        legs, self._legs = self._legs, []
        paths, self._paths = self._paths, []
        return read_receipt(
            message,
            tuple(leg for sequence, leg in legs if sequence == message.sequence),
            [path for path in paths if path.sequence == message.sequence],
            tuple(fill for fill in fills if fill.message.sequence == message.sequence),
            self._listing(),
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
