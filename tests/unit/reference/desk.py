"""A small venue with a desk for each role, so that an example reads like one.

Both cores stand behind it: what an example says of the reference, the compiled core does too.

Two currencies unless a test wants more; one unit per lot and per tick times lot, and no fees unless
a test gives them: then every amount can be computed in the head.
"""

from typing import Any

from bench.flows import Event, Feed, Pair, Scenario, commands, decode
from bench.flows.commands import Quotes
from fxengine._core import Core as CompiledCore
from fxengine.codes import AccountFlag, Side, WithdrawalAction
from fxengine.reference import Core

OPERATOR, MAKER, PAYER, OTHER = 2, 3, 4, 5
EUR, USD, JPY, HKD = 0, 1, 2, 3
NEVER_NS = 2**62


def pair(base: int = EUR, quote: int = USD, *, maker: int = 0, taker: int = 0, lot: int = 1, tick_lot: int = 1) -> Pair:
    """Describe an instrument; rates in hundredths of a basis point."""
    return Pair(base, quote, maker, taker, lot, tick_lot, 1)


class Desk:
    """A core with an operator and three clients who may hold everything."""

    def __init__(
        self,
        *pairs: Pair,
        max_fills: int = 256,
        max_orders: int = 100,
        window: int = 16,
        max_withdrawals: int = 1024,
        routes: tuple[tuple[int, ...], ...] = (),
        swap_rate: int | None = None,
    ) -> None:
        bounds = {"max_fills": max_fills, "max_orders": max_orders, "max_withdrawals": max_withdrawals}
        venue = Scenario("desk", pairs or (pair(),), 4, window=window, routes=routes, swap_rate=swap_rate, **bounds)
        self.core = venue.core(Core)
        self._feed = Feed(self.core)
        self._twin = Feed(venue.core(CompiledCore))
        self.twin = self._twin.core
        self.instruments = venue.instruments
        self.now_ns = 0
        self.send(commands.credential(OPERATOR, "operator-1", permitted=(), flags=AccountFlag.OPERATOR))
        for account, subject in ((MAKER, "maker-1"), (PAYER, "payer-1"), (OTHER, "maker-2")):
            self.send(commands.credential(account, subject, permitted=range(4), window=window))

    def send(self, command: bytes) -> list[Event]:
        """Apply one command at the desk's time, in both cores, and return its events."""
        command = commands.at_time(command, self.now_ns)
        events, found = self._feed.apply(command), self._twin.apply(command)
        assert decode(found) == decode(events)
        assert self._twin.core.state_bytes() == self.core.state_bytes()
        return decode(events)

    def next_id(self, account: int) -> int:
        """Return the account's next client id."""
        return self.core.client_id_highest(account) + 1

    def fund(self, account: int, **units: int) -> None:
        """Deposit by currency: ``fund(MAKER, eur=5, usd=100)``."""
        for name, amount in units.items():
            currency = {"eur": EUR, "usd": USD, "jpy": JPY, "hkd": HKD}[name]
            self.send(
                commands.deposit(
                    OPERATOR, self.next_id(OPERATOR), currency=currency, beneficiary=account, amount_units=amount
                )
            )

    def withdraw(self, account: int, currency: int, amount: int, *, by: int = OPERATOR) -> list[Event]:
        """Ask for money to be paid out."""
        return self.send(
            commands.withdraw(by, self.next_id(by), currency=currency, beneficiary=account, amount_units=amount)
        )

    def end(self, number: int, action: WithdrawalAction, *, by: int = OPERATOR) -> list[Event]:
        """End a withdrawal."""
        return self.send(commands.end_withdrawal(by, self.next_id(by), action, number))

    def settle(self) -> list[Event]:
        """Say that all so far is FINAL."""
        return self.send(commands.settled(self.core.sequence))

    def pay_out(self, account: int, currency: int, amount: int) -> list[Event]:
        """Withdraw, settle, and say that it was paid."""
        number = self.withdraw(account, currency, amount)[0].withdrawal
        self.settle()
        return self.end(number, WithdrawalAction.PAID)

    def buy(self, account: int, lots: int, price: int, *, instrument: int = 0, **more: int) -> list[Event]:
        """Enter an order to buy."""
        return self._order(account, Side.BUY, lots, price, instrument, more)

    def sell(self, account: int, lots: int, price: int, *, instrument: int = 0, **more: int) -> list[Event]:
        """Enter an order to sell."""
        return self._order(account, Side.SELL, lots, price, instrument, more)

    def _order(
        self, account: int, side: Side, lots: int, price: int, instrument: int, more: dict[str, int]
    ) -> list[Event]:
        client_order_id = more.pop("client_order_id", self.next_id(account))
        more |= {"instrument": instrument, "side": side, "price_ticks": price, "quantity_lots": lots}
        return self.send(commands.new_order(account, client_order_id, **more))

    def amend(self, account: int, order_id: int, lots: int, price: int, *, expected_cum_lots: int = -1) -> list[Event]:
        """Amend to a total quantity and a price."""
        return self.send(
            commands.amend(
                account, self.next_id(account), order_id=order_id, quantity_lots=lots, price_ticks=price,
                expected_cum_lots=expected_cum_lots,
            )
        )  # fmt: skip

    def quote(self, account: int, *sets: Quotes) -> list[Event]:
        """Send a mass quote."""
        return self.send(commands.mass_quote(account, self.next_id(account), *sets))

    def mass_cancel(self, account: int, **which: int) -> list[Event]:
        """Cancel all of an account's, or of an instrument, a side, a target."""
        return self.send(commands.mass_cancel(account, self.next_id(account), **which))

    def join(self, trade_group: int, *accounts: int) -> None:
        """Put accounts into one trade group."""
        subjects = {MAKER: "maker-1", PAYER: "payer-1", OTHER: "maker-2"}
        for account in accounts:
            self.send(commands.credential(account, subjects[account], permitted=range(4), trade_group=trade_group))

    def cancel(self, account: int, **named: int) -> list[Event]:
        """Cancel by ``order_id`` or ``orig_client_order_id``, under the next client id."""
        return self.send(commands.cancel(account, self.next_id(account), **named))

    def swap_in(self, account: int, pay: int, get: int, amount: int, **more: int) -> list[Event]:
        """Swap an exact amount in."""
        return self.send(commands.swap_in(account, self.next_id(account), pay, get, amount, **more))

    def swap_out(self, account: int, pay: int, get: int, amount: int, **more: int) -> list[Event]:
        """Swap for an exact amount out."""
        return self.send(commands.swap_out(account, self.next_id(account), pay, get, amount, **more))

    def quoted(self, command: bytes) -> tuple[Any, ...]:
        """Ask what a swap would do, of both cores; nothing may change."""
        before = self.core.state_bytes()
        found = tuple(self.core.swap_quote(command))
        assert found == self._twin.core.swap_quote(command)
        assert self.core.state_bytes() == self._twin.core.state_bytes() == before
        return found

    def wait_until(self, now_ns: int) -> list[Event]:
        """Let time pass."""
        self.now_ns = now_ns
        return self.send(commands.time(now_ns))

    def has(self, account: int, currency: int) -> tuple[int, int]:
        """Return available and held units."""
        return self.core.balance(account, currency)
