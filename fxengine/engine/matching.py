"""What the engine and the rooms after it ask of a matching core, whichever it is.

There are two with the same bytes: ``fxengine._core.Core``, compiled, which a venue runs on, and
``fxengine.reference.Core``, plain Python, which specifies it. Both satisfy this protocol, so the
engine takes the type as a parameter and its tests run over both.
"""

from importlib import import_module
from typing import Protocol

from fxengine.records import Records

OrderState = tuple[int, int, int, int, int, int, int, int, int, int, int, int, int]
"""``(order_id, client_order_id, command, status, reason, instrument, side, ord_type, price_ticks, leaves_lots,
cum_lots, notional_units, sequence)``, as ``fxengine.messages.OrderState``."""
OpenOrder = tuple[int, int, int, int, int, int, int, int]
"""``(order_id, client_order_id, instrument, side, ord_type, price_ticks, leaves_lots, cum_lots)``;
ord_type 0: a quote."""


OpenWithdrawal = tuple[int, int, int, int]
"""``(number, account, currency, amount_units)``."""

SwapLeg = tuple[int, int, int, int, int, int, int, int]
"""``(instrument, side, lots, spent_units, received_units, fee_units, change_units, fills)``."""
SwapSingle = tuple[tuple[int, ...], int, int, int, int]
"""``(instruments, paid_units, delivered_units, unfilled_units, fills)``."""
SwapQuote = tuple[int, int, int, int, int, tuple[SwapLeg, ...], tuple[SwapSingle, ...]]
"""``(reason, paid_units, delivered_units, unfilled_units, fills, legs, singles)``."""


class MatchingCore(Protocol):
    """A deterministic state machine over command records; see ``fxengine.reference`` for its rules."""

    @property
    def events(self) -> Records:
        """``(capacity,) EVENT``: what the latest apply made; may be a new array after each."""

    @property
    def sequence(self) -> int:
        """Number of the latest command, from 1; 0 before the first."""

    @property
    def now_ns(self) -> int:
        """Time of the latest command."""

    @property
    def next_deadline_ns(self) -> int:
        """When a timer is due; 2**63 - 1 for never."""

    @property
    def n_accounts(self) -> int:
        """Accounts there are, the venue's own two included."""

    @property
    def n_orders(self) -> int:
        """Open orders: resting, waiting stops, and triggered ones."""

    def bind(self, commands: Records) -> None:
        """Keep the C-contiguous ``(n,) COMMAND`` array that commands will stand in."""

    def apply(self, first: int, last: int) -> int:
        """Apply the whole commands in records ``[first, last)``; return the number of events."""

    def balance(self, account: int, currency: int) -> tuple[int, int]:
        """Return available and held units."""

    def client_id_highest(self, account: int) -> int:
        """Return the highest client order id the account has used."""

    def depth(self, instrument: int, side: int, levels: int) -> list[tuple[int, int]]:
        """Return up to ``levels`` of (price_ticks, lots), best first."""

    def order_state(self, account: int, client_order_id: int, order_id: int) -> OrderState | None:
        """Return what became of an account's order or command; None for what it has not (any more)."""

    def open_orders(self, account: int, after_order_id: int, limit: int) -> list[OpenOrder]:
        """Return a page of an account's open orders and quotes, ascending by slot."""

    @property
    def final_sequence(self) -> int:
        """All up to this command is FINAL in the ledger, as far as the core was told."""

    @property
    def cancel_only(self) -> bool:
        """Say whether the venue takes nothing that adds risk."""

    def redeem_only(self) -> list[int]:
        """Return the currencies that are not traded and not deposited."""

    def open_withdrawals(self, account: int, after: int, limit: int) -> list[OpenWithdrawal]:
        """Return a page of the withdrawals that wait to be paid, of an account or of all (0), ascending."""

    def swap_quote(self, command: bytes) -> SwapQuote:
        """Return what a SWAP record would do now, whatever the payer has; nothing changes."""

    def watching(self) -> list[int]:
        """Return the accounts whose orders end when their connection is lost."""

    def is_frozen(self, account: int) -> bool:
        """Say whether an account is frozen."""

    def is_revoked(self, token_id: bytes) -> bool:
        """Say whether a token, by the hash of its jti, was revoked."""

    def account_stream(self, account: int) -> int:
        """Return the last number of an account's private stream; 0 for none."""

    def instrument_stream(self, instrument: int) -> int:
        """Return the last number of an instrument's market data; 0 for none."""

    def state_bytes(self) -> bytes:
        """Return the whole state as canonical bytes."""

    def state_hash(self) -> str:
        """Return blake2b-128 of the state bytes, 32 hex digits."""

    def snapshot(self) -> bytes:
        """Return the whole state as bytes that a core's ``restore`` takes."""

    def restore(self, taken: bytes) -> None:
        """Take on a snapshot's state, in a core that has applied nothing; ValueError where it is refused."""

    def check(self) -> None:
        """Walk every invariant; AssertionError where one breaks."""


class CoreType(Protocol):
    """How a core is made: a class with this constructor."""

    def __call__(
        self,
        instruments: Records,
        *,
        n_currencies: int,
        max_fills: int = ...,
        max_orders: int = ...,
        max_accounts: int = ...,
        max_withdrawals: int = ...,
        routes: Records | None = ...,
        swap_rate: int | None = ...,
    ) -> MatchingCore:
        """Make an empty core for ``(n,) INSTRUMENT`` records."""


def compiled_core() -> CoreType:
    """Return the compiled core's type; imported only now, so that who reads a journal needs no extension."""
    core_type: CoreType = import_module("fxengine._core").Core
    return core_type
