"""What must hold after every command, each as a function that names itself when it fails."""

from collections import defaultdict

from fxengine.codes import CUSTODY_ACCOUNT, Side
from fxengine.reference.book import Place
from fxengine.reference.state import State


def check(state: State) -> None:
    """Walk every invariant; AssertionError names the first that does not hold. O(state)."""
    for invariant in (
        conserved,
        held_for_open_orders,
        never_overdrawn,
        never_crossed,
        levels_add_up,
        slots_accounted,
        quotes_stand,
        barred_have_no_orders,
        dead_men_wait,
        withdrawals_stand,
    ):
        invariant(state)


def conserved(state: State) -> None:
    """Per currency, all accounts together hold nothing: the custody account mirrors the rest."""
    for currency in range(state.n_currencies):
        balances = [account.balances[currency] for account in state.accounts]
        total = sum(b.available + b.held for b in balances)
        assert total == 0, f"currency {currency}: the sum over all accounts is {total}, not 0"


def held_for_open_orders(state: State) -> None:
    """What is held is exactly the principal of the open orders and the amounts of the open withdrawals."""
    needed: defaultdict[tuple[int, int], int] = defaultdict(int)
    for order in state.pool.live.values():
        instrument = state.instruments[order.instrument]
        if order.side is Side.BUY:
            needed[order.account, instrument.quote] += instrument.notional_units(order.price_ticks, order.leaves_lots)
        else:
            needed[order.account, instrument.base] += order.leaves_lots * instrument.lot_units
    for withdrawal in state.withdrawals.values():
        needed[withdrawal.account, withdrawal.currency] += withdrawal.amount_units
    for account in state.accounts:
        for currency, balance in account.balances.items():
            need = needed[account.number, currency]
            assert balance.held == need, (
                f"account {account.number} holds {balance.held} of {currency}, orders and withdrawals need {need}"
            )


def withdrawals_stand(state: State) -> None:
    """Open withdrawals are of clients, of something, and ascending; nothing that is FINAL is still to come."""
    numbers = list(state.withdrawals)
    assert numbers == sorted(numbers), "open withdrawals are not in order"
    for number, withdrawal in state.withdrawals.items():
        assert number == withdrawal.number <= state.sequence, f"withdrawal {number} stands under another number"
        assert state.client(withdrawal.account) is not None, f"withdrawal {number} is nobody's"
        assert withdrawal.amount_units > 0, f"withdrawal {number} is of nothing"
    assert state.final_sequence <= state.sequence, "what is FINAL is still to come"


def never_overdrawn(state: State) -> None:
    """No balance but the custody account's is negative."""
    for account in state.accounts:
        if account.number != CUSTODY_ACCOUNT:
            for currency, balance in account.balances.items():
                assert balance.available >= 0, f"account {account.number} is overdrawn in {currency}"


def never_crossed(state: State) -> None:
    """The best bid is below the best offer."""
    for index, book in enumerate(state.books):
        bid, ask = (next(book.levels(side), None) for side in (Side.BUY, Side.SELL))
        if bid and ask:
            assert bid[0] < ask[0], f"instrument {index} is crossed: bid {bid[0]}, offer {ask[0]}"


def levels_add_up(state: State) -> None:
    """Each level holds orders of its price, all open, and its sum is theirs."""
    for index, book in enumerate(state.books):
        for side in Side:
            for price, level in book.levels(side):
                where = f"instrument {index} {side.name} {price}"
                assert level.orders, f"{where}: an empty level stands in the book"
                assert level.lots == sum(o.shown_lots for o in level.orders.values()), f"{where}: its sum is wrong"
                for slot, order in level.orders.items():
                    assert state.pool.live.get(slot) is order, f"{where}: slot {slot} is not an open order"
                    assert 0 < order.shown_lots <= order.leaves_lots, f"{where}: slot {slot} shows what it has not"
                    assert (order.side, order.price_ticks) == (side, price), f"{where}: slot {slot} is misplaced"


def slots_accounted(state: State) -> None:
    """Each slot is free or holds one open order, and each open order stands where it says."""
    pool = state.pool
    assert len(set(pool.free)) == len(pool.free), "a slot is free twice"
    assert set(pool.free).isdisjoint(pool.live), "a slot is free and in use"
    assert len(pool.free) + len(pool.live) == len(pool.generations), "a slot is lost"
    places = {Place.BOOK: 0, Place.STOPS: 0, Place.TRIGGERED: 0, Place.NOWHERE: 0}
    for order in pool.live.values():
        places[order.place] += 1
    resting = sum(len(level.orders) for book in state.books for side in Side for _, level in book.levels(side))
    waiting = sum(len(orders) for book in state.books for side in Side for orders in book.stops[side].values())
    due = sum(wanted in pool for wanted in state.triggered)
    assert (resting, waiting, due) == (places[Place.BOOK], places[Place.STOPS], places[Place.TRIGGERED]), (
        f"open orders say {places}, but {resting} rest, {waiting} wait and {due} are triggered"
    )
    assert not places[Place.NOWHERE], "an open order stands nowhere"


def quotes_stand(state: State) -> None:
    """Each maker's quote sets are its open quotes, under their own price."""
    sets = {
        (account.number, instrument, side, price): order
        for account in state.accounts
        for instrument, sides in account.quotes.items()
        for side, ladder in sides.items()
        for price, order in ladder.items()
    }
    open_quotes = {(o.account, o.instrument, o.side, o.price_ticks): o for o in state.pool.live.values() if o.is_quote}
    assert sets == open_quotes, "quote sets and open quotes differ"


def barred_have_no_orders(state: State) -> None:
    """Who is frozen, or whose token was revoked, has no open orders; and no revoked token goes unnoticed."""
    barred = {account.number for account in state.accounts if account.frozen or account.token_revoked}
    open_accounts = {order.account for order in state.pool.live.values()}
    assert barred.isdisjoint(open_accounts), f"accounts {barred & open_accounts} are barred and have open orders"
    for account in state.accounts:
        revoked = account.token_id in state.revoked_tokens
        assert account.token_revoked == revoked, f"account {account.number}: its token and its mark differ"


def dead_men_wait(state: State) -> None:
    """No dead-man timer that runs is overdue."""
    for account in state.accounts:
        due = account.dead_man_ns
        assert not due or due > state.now_ns, f"account {account.number}: its dead-man timer is overdue"
