"""What an account is told that is about none of its orders: guards, revocations, controls, busts."""

from dataclasses import dataclass, field

from fxengine.codes import ControlMode, ControlScope, GuardAction, RejectReason, RevokeAction, Side
from fxengine.messages import ExecutionReport
from fxengine.venue import Currency, Instrument


@dataclass(frozen=True, slots=True)
class GuardNotice:
    """A guard over the account's orders was set, or acted (``reason`` is then DEAD_MAN_FIRED or DISCONNECTED)."""

    action: GuardAction
    reason: RejectReason
    setting: int
    """DEAD_MAN: the timeout in nanoseconds, 0 when it is off; WATCH: 1 while cancel-on-disconnect is wanted."""
    sequence: int
    time_ns: int


@dataclass(frozen=True, slots=True)
class RevocationNotice:
    """An operator froze the account, released it, or took back its token."""

    action: RevokeAction
    reason: RejectReason
    sequence: int
    time_ns: int


@dataclass(frozen=True, slots=True)
class ControlNotice:
    """The venue or a currency was opened or closed, by this operator."""

    scope: ControlScope
    mode: ControlMode
    currency: Currency | None
    """None for the venue."""
    sequence: int
    time_ns: int


@dataclass(frozen=True, slots=True)
class BustNotice:
    """An operator undid a trade of this account: its legs and fees were reversed. Source: FIX ExecType H."""

    message: ExecutionReport
    instrument: Instrument = field(repr=False)

    @property
    def trade_number(self) -> int:
        """With the instrument it names the trade, as in its fill's report."""
        return self.message.trade_number

    @property
    def side(self) -> Side:
        """This account's side of the trade that was undone."""
        return Side(self.message.side)

    @property
    def price(self) -> str:
        """The trade's price."""
        return self.instrument.price_text(self.message.price_ticks)

    @property
    def quantity(self) -> str:
        """The trade's quantity, in the base currency."""
        return self.instrument.quantity_text(self.message.quantity_lots)
