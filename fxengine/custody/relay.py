"""The relay: says to the venue what holders did at the vault, each thing once, however often it starts again.

A look is taken at the chain, and the venue is brought to it::

    final deposit          DEPOSIT with the movement's reference: the core credits a reference once
    request, as soon as    WITHDRAW as much as is free, up to what is left of the request; where orders hold the
    a block has it         money they are cancelled, and what is still missing is held as it comes free
    request taken back     RETURNED, once no block has it
    final exit             one withdrawal of exactly that amount is PAID, when all before it is FINAL

A request is acted on before it is final, and an exit after: whatever the chain still does, the venue never
lets money trade that may have left. The vault's delay is longer than settlement takes, so trades made before the
request was seen are settled before it can be taken.

Where the chain takes back what was final, the venue was told of money that is not there: its currency becomes
REDEEM_ONLY, and an operator has to look. Where nobody could look at the chain for half of the exit delay, holders
could leave with money that still trades: the venue becomes CANCEL_ONLY until it can be seen again.
"""

import logging
from collections import defaultdict
from collections.abc import Callable
from typing import Final

from fxengine.chain.deployment import Deployment
from fxengine.client import Client
from fxengine.client.reports import Withdrawal
from fxengine.codes import ControlMode, RejectReason
from fxengine.custody.movements import Kind, Moment, Movement, VaultLogs
from fxengine.custody.progress import Progress
from fxengine.errors import ChainError, RequestRejected
from fxengine.venue import Currency, Venue

_log = logging.getLogger(__name__)
_PASSES: Final = frozenset({RejectReason.NOT_FINAL, RejectReason.CURRENCY_REDEEM_ONLY, RejectReason.RATE_LIMITED})
"""Refusals that are part of the course of things: tried again without a word."""

Name = tuple[int, int]
"""An account and a token."""


class Relay:
    """Brings one venue to one vault. ``desk`` is a session of the vault's issuer, ``operator`` of an operator.

    ``clock_s`` is any clock that goes forward. Methods raise what the chain's node or the venue's line does:
    call :meth:`tick` again, with new sessions where they are lost.
    """

    def __init__(
        self,
        venue: Venue,
        deployment: Deployment,
        logs: VaultLogs,
        progress: Progress,
        *,
        clock_s: Callable[[], float],
    ) -> None:
        self._venue = venue
        self._deployment = deployment
        self._logs = logs
        self._progress = progress
        self._clock_s = clock_s
        self._seen_s = clock_s()
        self._has_closed = False
        self._told: set[tuple[str, int]] = set()

    def tick(self, desk: Client, operator: Client) -> None:
        """Look at the chain once, and say what is new. O(new blocks + open requests)."""
        try:
            moment = self._logs.moment()
            self._check_history(moment, operator)
            recent = self._logs.movements(moment.final + 1, moment.latest)
            self._read_to(moment)
            left = self._logs.pending(self._names(recent), moment.latest_hash)
            final_left = self._logs.pending(self._progress.requests, moment.final_hash)
        except ChainError:
            self._close_if_blind(operator)
            raise
        self._see_again(operator)
        for movement in list(self._progress.waiting):
            if self._say(movement, desk):
                self._progress.done(movement)
        self._hold(left, recent, desk, operator)
        ended = {name for name, units in final_left.items() if not units and not left.get(name)}
        if ended:
            self._progress.requests -= ended
            self._progress.save()

    # -- what happened

    def _read_to(self, moment: Moment) -> None:
        """Take in what has become final since the last look."""
        progress = self._progress
        if moment.final <= progress.block:
            return
        found = self._logs.movements(progress.block + 1, moment.final)
        known = {movement.reference for movement in (*progress.waiting, *progress.said)}
        for movement in found:
            if movement.kind is Kind.REQUEST:
                progress.requests.add((movement.account, movement.tid))
            elif movement.kind is not Kind.CANCEL and movement.reference not in known:
                progress.waiting.append(movement)
        back = {movement.reference for movement in found}
        progress.lost = [movement for movement in progress.lost if movement.reference not in back]
        progress.block, progress.block_hash = moment.final, moment.final_hash
        progress.save()

    def _names(self, recent: list[Movement]) -> set[Name]:
        """Return of whom a withdrawal may be open at the newest block."""
        return self._progress.requests | {(m.account, m.tid) for m in recent if m.kind is Kind.REQUEST}

    def _check_history(self, moment: Moment, operator: Client) -> None:
        """See whether what was final still is; where it is not, say what the venue was told of in vain."""
        progress = self._progress
        if progress.block < self._deployment.deployed_block or not progress.block_hash:
            return
        if moment.final >= progress.block and self._logs.hash_of(progress.block) == progress.block_hash:
            return
        if moment.final < progress.block and self._logs.hash_of(progress.block) == progress.block_hash:
            return  # a node that is behind its own word about what is final
        oldest = min((movement.block for movement in progress.said), default=progress.block)
        there = {movement.reference for movement in self._logs.movements(oldest, moment.latest)}
        gone = [movement for movement in progress.said if movement.reference not in there]
        for movement in gone:
            currency = self._venue.currencies[movement.tid]
            _log.error(
                "the chain took back what it had called final: the %s of %s %s of account %d (%s). %s is now"
                " REDEEM_ONLY: find out who owes it, then open it again",
                movement.kind.name.lower(), currency.text(movement.units), currency.code, movement.account,
                movement.reference, currency.code,
            )  # fmt: skip
            operator.control_currency(currency.code, ControlMode.REDEEM_ONLY)
        progress.said = [movement for movement in progress.said if movement not in gone]
        progress.lost += gone
        progress.waiting = [movement for movement in progress.waiting if movement.reference in there]
        progress.block, progress.block_hash = min(oldest, moment.final) - 1, ""
        progress.save()

    # -- what the venue is told

    def _say(self, movement: Movement, desk: Client) -> bool:
        """Tell the venue of a final movement; say whether it has been taken."""
        currency = self._venue.currencies[movement.tid]
        try:
            if movement.kind is Kind.DEPOSIT:
                amount = currency.text(movement.units)
                desk.deposit(movement.account, currency.code, amount, reference=movement.reference)
                return True
            return self._pay(movement, currency, desk)
        except RequestRejected as refusal:
            if refusal.reason == RejectReason.DEPOSIT_KNOWN:
                return True
            self._wait_for_somebody(movement, currency, refusal)
            return False

    def _pay(self, movement: Movement, currency: Currency, desk: Client) -> bool:
        """Pay an exit by one withdrawal of its amount. Its number is written down first: so it is paid once."""
        progress = self._progress
        number = progress.paying.get(movement.reference)
        if number is None:
            number = self._withdrawal_of(movement, currency, desk)
            progress.paying[movement.reference] = number
            progress.save()
        try:
            desk.withdrawal_paid(number)
        except RequestRejected as refusal:
            if refusal.reason != RejectReason.UNKNOWN_WITHDRAWAL:
                raise  # and unknown means that it was paid before
        return True

    def _withdrawal_of(self, movement: Movement, currency: Currency, desk: Client) -> int:
        """Return an open withdrawal of exactly an exit's amount; where there is none, make one of what is held."""
        taken = set(self._progress.paying.values())
        own = [w for w in _open(desk).get((movement.account, movement.tid), ()) if w.number not in taken]
        for waiting in own:
            if waiting.amount_units == movement.units:
                return waiting.number
        for waiting in own:
            desk.withdrawal_returned(waiting.number)
        amount = currency.text(movement.units)
        return desk.withdraw(currency.code, amount, account=movement.account).withdrawal

    def _hold(self, left: dict[Name, int], recent: list[Movement], desk: Client, operator: Client) -> None:
        """Hold at the venue what is requested at the vault, and what has left it but is not final yet."""
        wanted: defaultdict[Name, int] = defaultdict(int, left)
        for movement in (*recent, *self._progress.waiting):
            if movement.kind is Kind.EXIT:
                wanted[movement.account, movement.tid] += movement.units
        held = _open(desk)
        for name in sorted(wanted.keys() | held.keys()):
            currency = self._venue.currencies[name[1]]
            waiting = held.get(name, [])
            total = sum(w.amount_units for w in waiting)
            paying = set(self._progress.paying.values())
            while total > wanted[name] and waiting:
                newest = waiting.pop()
                if newest.number in paying:
                    continue
                desk.withdrawal_returned(newest.number)
                total -= newest.amount_units
            if total < wanted[name]:
                self._hold_more(name, currency, wanted[name] - total, total, desk, operator)

    def _hold_more(
        self, name: Name, currency: Currency, missing: int, held: int, desk: Client, operator: Client
    ) -> None:
        """Hold what is missing, as far as it is there; what orders hold is freed first."""
        account = name[0]
        try:
            balance = desk.balances(account).get(currency.code)
            if balance is None:
                return
            free = balance.available_units
            if free < missing and balance.held_units > held:
                operator.mass_cancel(account=account)
                free = desk.balances(account)[currency.code].available_units
            if free:
                desk.withdraw(currency.code, currency.text(min(free, missing)), account=account)
        except RequestRejected as refusal:
            if refusal.reason != RejectReason.INSUFFICIENT_FUNDS:  # traded away in between: it comes free again, or not
                raise

    def _wait_for_somebody(self, movement: Movement, currency: Currency, refusal: RequestRejected) -> None:
        """Leave a movement for the next look; say so once where it needs somebody."""
        if refusal.reason in _PASSES or (movement.reference, refusal.reason) in self._told:
            return
        self._told.add((movement.reference, refusal.reason))
        _log.warning(
            "the %s of %s %s of account %d at the vault is not in the books yet: %s",
            movement.kind.name.lower(), currency.text(movement.units), currency.code, movement.account, refusal,
        )  # fmt: skip

    # -- when nothing can be seen

    def _close_if_blind(self, operator: Client) -> None:
        if not self._has_closed and self._clock_s() - self._seen_s > self._deployment.exit_delay_s / 2:
            _log.error("the chain was not seen for half of the vault's exit delay: the venue is now CANCEL_ONLY")
            operator.control_venue(ControlMode.CANCEL_ONLY)
            self._has_closed = True

    def _see_again(self, operator: Client) -> None:
        self._seen_s = self._clock_s()
        if self._has_closed:
            _log.warning("the chain is seen again: the venue is OPEN")
            operator.control_venue(ControlMode.OPEN)
            self._has_closed = False


def _open(desk: Client) -> dict[Name, list[Withdrawal]]:
    """Return the open withdrawals of the vault's currencies by account and token, the oldest first."""
    found: defaultdict[Name, list[Withdrawal]] = defaultdict(list)
    for waiting in desk.open_withdrawals():
        found[waiting.account, waiting.currency.index].append(waiting)
    return dict(found)
