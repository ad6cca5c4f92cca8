"""The relay: says to the venue what holders did at the vault, each thing once, however often it starts again.

A look is taken at the chain, and the venue is brought to it::

    final deposit          DEPOSIT with the movement's reference: the core credits a reference once
    request, as soon as    WITHDRAW as much as is free, up to what is left of the request; where orders hold the
    a block has it         money they are cancelled, and what is still missing is held as it comes free
    request taken back     RETURNED, once no block has it
    final exit             withdrawals of exactly that amount together are PAID, when all before them is FINAL

What one holder does never keeps another's waiting: whatever the venue refuses is told once, and the rest goes on.

A request is acted on before it is final, and an exit after: whatever the chain still does, the venue never
lets money trade that may have left. The vault's delay is longer than settlement takes, so trades made before the
request was seen are settled before it can be taken.

Where the chain takes back what was final, the venue was told of money that is not there: its currency becomes
REDEEM_ONLY, and an operator has to look. Where nobody could look at the chain for half of the exit delay, holders
could leave with money that still trades: the venue becomes CANCEL_ONLY until it can be seen again.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final

from fxengine.chain.deployment import Deployment
from fxengine.client import Client
from fxengine.client.reports import Withdrawal
from fxengine.codes import FEES_ACCOUNT, ControlMode, RejectReason
from fxengine.custody.movements import Kind, Moment, Movement, VaultLogs
from fxengine.custody.progress import Progress
from fxengine.errors import ChainUnavailable, RequestRejected
from fxengine.venue import Currency, Venue

_log = logging.getLogger(__name__)
_PASSES: Final = frozenset({RejectReason.NOT_FINAL, RejectReason.CURRENCY_REDEEM_ONLY, RejectReason.RATE_LIMITED})
"""Refusals that are part of the course of things: tried again without a word."""
_SAID_AT_ONCE: Final = 256
"""Movements that the venue takes in one look, so that thousands of small ones do not keep requests waiting."""

Name = tuple[int, int]
"""An account and a token."""


class Relay:
    """Brings one venue to one vault. ``desk`` is a session of the vault's issuer, ``operator`` of an operator.

    ``clock_s`` tells seconds since 1970, so that a restart does not begin anew to count how long nothing was seen;
    ``paid`` what the books have paid out by account and token, for a relay that has lost its memory. Methods raise
    what the chain's node or the venue's line does: call :meth:`tick` again, with new sessions where they are lost.
    """

    def __init__(
        self,
        venue: Venue,
        deployment: Deployment,
        logs: VaultLogs,
        progress: Progress,
        *,
        clock_s: Callable[[], float],
        paid: Callable[[], Mapping[Name, int]] = dict,
    ) -> None:
        self._paid = paid
        self._venue = venue
        self._deployment = deployment
        self._logs = logs
        self._progress = progress
        self._clock_s = clock_s
        self._has_closed = False
        self._told: set[tuple[str, int]] = set()
        progress.seen_s = progress.seen_s or clock_s()

    def tick(self, desk: Client, operator: Client) -> None:
        """Look at the chain once, and say what is new. O(new blocks + open requests)."""
        try:
            moment = self._logs.moment()
            self._check_history(moment, operator)
            recent = self._listed(self._logs.movements(moment.final + 1, moment.latest))
            self._read_to(moment)
            left = self._logs.pending(self._names(recent), moment.latest_hash)
            final_left = self._logs.pending(self._progress.requests, moment.final_hash)
        except Exception:  # whatever it is, nothing was seen
            self._close_if_blind(operator)
            raise
        self._see_again(operator)
        self._say_all(desk)
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
        found = self._listed(self._logs.movements(progress.block + 1, moment.final))
        if progress.is_new:
            found = self._without_paid(found)
        lost = {movement.reference for movement in progress.lost}
        known = lost.union(movement.reference for movement in (*progress.waiting, *progress.said))
        for movement in found:
            if movement.kind is Kind.REQUEST:
                progress.requests.add((movement.account, movement.tid))
            elif movement.kind is not Kind.CANCEL and movement.reference not in known:
                progress.waiting.append(movement)
        progress.said += [movement for movement in found if movement.reference in lost]
        back = {movement.reference for movement in found}
        progress.lost = [movement for movement in progress.lost if movement.reference not in back]
        progress.block, progress.block_hash = moment.final, moment.final_hash
        progress.save()

    def _listed(self, movements: list[Movement]) -> list[Movement]:
        """Leave out movements of tokens that the venue does not know: they are nobody's here."""
        known = [movement for movement in movements if movement.tid < len(self._venue.currencies)]
        for movement in set(movements).difference(known):
            if self._is_news(movement.reference, RejectReason.UNKNOWN_CURRENCY):
                _log.error(
                    "the %s of %d units of the vault's token %d by account %d (%s) is in no books: the venue has no"
                    " such currency",
                    movement.kind.name.lower(), movement.units, movement.tid, movement.account, movement.reference,
                )  # fmt: skip
        return known

    def _without_paid(self, movements: list[Movement]) -> list[Movement]:
        """Leave out exits that the books have paid, the oldest first: without a memory all are read again."""
        paid, found = dict(self._paid()), []
        for movement in movements:
            name = movement.account, movement.tid
            if movement.kind is Kind.EXIT and paid.get(name, 0) >= movement.units:
                paid[name] -= movement.units
            else:
                found.append(movement)
        return found

    def _names(self, recent: list[Movement]) -> set[Name]:
        """Return of whom a withdrawal may be open at the newest block."""
        return self._progress.requests | {(m.account, m.tid) for m in recent if m.kind is Kind.REQUEST}

    def _check_history(self, moment: Moment, operator: Client) -> None:
        """See whether what was final still is; where it is not, say what the venue was told of in vain."""
        progress = self._progress
        if progress.block < self._deployment.deployed_block or not progress.block_hash:
            return
        if moment.latest < progress.block:
            raise ChainUnavailable(
                "NODE_BEHIND",
                f"the node is at block {moment.latest}, and block {progress.block} was final before: wait until it has"
                " caught up, or name another",
            )
        if self._logs.hash_of(progress.block) == progress.block_hash:
            return
        oldest = min((movement.block for movement in (*progress.said, *progress.waiting)), default=progress.block)
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
        progress.paying = {one: numbers for one, numbers in progress.paying.items() if one in there}
        progress.block, progress.block_hash = min(oldest, moment.final) - 1, ""
        progress.save()

    # -- what the venue is told

    def _say_all(self, desk: Client) -> None:
        """Tell the venue what waits, until it has taken so much; of what it refuses, the rest is not tried."""
        progress = self._progress
        taken: list[Movement] = []
        refused: set[tuple[Kind, Name]] = set()
        try:
            for movement in progress.waiting:
                alike = movement.kind, (movement.account, movement.tid)
                if alike in refused:
                    continue
                if self._say(movement, desk):
                    taken.append(movement)
                else:
                    refused.add(alike)
                if len(taken) == _SAID_AT_ONCE:
                    break
        finally:
            progress.done(taken)

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
        """Pay an exit by withdrawals of its amount. Their numbers are written down first: so each is paid once."""
        progress = self._progress
        numbers = progress.paying.get(movement.reference)
        if numbers is None:
            numbers = self._withdrawals_of(movement, currency, desk)
            progress.paying[movement.reference] = numbers
            progress.save()
        for number in sorted(numbers, reverse=True):  # where the newest is FINAL, so are the others
            try:
                desk.withdrawal_paid(number)
            except RequestRejected as refusal:
                if refusal.reason != RejectReason.UNKNOWN_WITHDRAWAL:
                    raise  # and unknown means that it was paid before
        return True

    def _withdrawals_of(self, movement: Movement, currency: Currency, desk: Client) -> list[int]:
        """Return open withdrawals that come to an exit's amount, the oldest first.

        What is held stays held, because what is given back even for a moment may be traded: only the one withdrawal
        that is more than what is missing is given back, and what is missing then is asked for.
        """
        if movement.account == FEES_ACCOUNT:  # to the venue, account 0 is who asks
            raise RequestRejected(RejectReason.UNKNOWN_ACCOUNT, RejectReason.UNKNOWN_ACCOUNT.text)
        taken = {number for numbers in self._progress.paying.values() for number in numbers}
        own = [w for w in _open(desk).get((movement.account, movement.tid), ()) if w.number not in taken]
        chosen: list[int] = []
        missing = movement.units
        for waiting in own:
            if waiting.amount_units <= missing:
                chosen.append(waiting.number)
                missing -= waiting.amount_units
        if missing:
            larger = [w for w in own if w.number not in chosen]
            if larger:
                desk.withdrawal_returned(larger[-1].number)
            amount = currency.text(missing)
            chosen.append(desk.withdraw(currency.code, amount, account=movement.account).withdrawal)
        return chosen

    def _hold(self, left: dict[Name, int], recent: list[Movement], desk: Client, operator: Client) -> None:
        """Hold at the venue what is requested at the vault, and what has left it but is not final yet."""
        wanted: defaultdict[Name, int] = defaultdict(int, left)
        for movement in (*recent, *self._progress.waiting):
            if movement.kind is Kind.EXIT:
                wanted[movement.account, movement.tid] += movement.units
        held = _open(desk)
        for name in sorted(wanted.keys() | held.keys()):
            try:
                self._hold_one(name, wanted[name], held.get(name, []), desk, operator)
            except RequestRejected as refusal:  # one holder's, and all others' requests still have to be held
                if refusal.reason not in _PASSES and self._is_news(f"{name}", refusal.reason):
                    _log.warning("what account %d asked of the vault is not held: %s", name[0], refusal)

    def _hold_one(self, name: Name, wanted: int, waiting: list[Withdrawal], desk: Client, operator: Client) -> None:
        """Give back what is held of an account's currency and not wanted any more, or hold what is missing."""
        currency = self._venue.currencies[name[1]]
        paying = {number for numbers in self._progress.paying.values() for number in numbers}
        total = sum(w.amount_units for w in waiting)
        own = [w for w in waiting if w.number not in paying]
        while total > wanted and own:
            newest = own.pop()
            desk.withdrawal_returned(newest.number)
            total -= newest.amount_units
        if total < wanted and name[0] != FEES_ACCOUNT:  # whose exits are not in the books
            try:
                self._hold_more(name, currency, wanted - total, total, desk, operator)
            except RequestRejected as refusal:
                if refusal.reason != RejectReason.TOO_MANY_WITHDRAWALS:
                    raise
                for one in own:  # so many small ones, its holder's own perhaps: one takes their place
                    desk.withdrawal_returned(one.number)
                    total -= one.amount_units
                self._hold_more(name, currency, wanted - total, total, desk, operator)

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
        if refusal.reason in _PASSES or not self._is_news(movement.reference, refusal.reason):
            return
        _log.warning(
            "the %s of %s %s of account %d at the vault is not in the books yet: %s",
            movement.kind.name.lower(), currency.text(movement.units), currency.code, movement.account, refusal,
        )  # fmt: skip

    def _is_news(self, what: str, reason: int) -> bool:
        """Say whether this was not told before."""
        is_news = (what, reason) not in self._told
        self._told.add((what, reason))
        return is_news

    # -- when nothing can be seen

    def _close_if_blind(self, operator: Client) -> None:
        now_s = self._clock_s()
        self._progress.seen_s = min(self._progress.seen_s, now_s)  # a clock that was set back
        if not self._has_closed and now_s - self._progress.seen_s > self._deployment.exit_delay_s / 2:
            _log.error("the chain was not seen for half of the vault's exit delay: the venue is now CANCEL_ONLY")
            operator.control_venue(ControlMode.CANCEL_ONLY)
            self._has_closed = True

    def _see_again(self, operator: Client) -> None:
        self._progress.seen_s = self._clock_s()
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
