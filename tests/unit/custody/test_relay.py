"""A relay between a vault and a venue in memory: each thing once, whatever happens in between."""

import random
from pathlib import Path
from typing import Any, cast

import pytest

from fxengine.chain.deployment import Deployment
from fxengine.codes import RejectReason
from fxengine.custody.movements import Kind, Movement, VaultLogs
from fxengine.custody.progress import Progress
from fxengine.custody.relay import Relay
from fxengine.errors import ChainError, ChainUnavailable, RequestRejected
from fxengine.home import Home
from fxengine.venue import Venue
from tests.unit.custody.model import Name, VaultModel, VenueModel

PAYER, MAKER = 4, 5
EXIT_S = 600
USD = 4


class Pair:
    """A vault, a venue, and a relay that may be started again at any time."""

    def __init__(self, directory: Path, venue: Venue) -> None:
        self.directory = directory / "chain"
        self.directory.mkdir()
        self.listed = venue
        self.vault, self.venue = VaultModel(), VenueModel(self.listed)
        self.now_s = 0.0
        self.start()

    def start(self) -> None:
        deployment = Deployment(
            self.directory, "venue", 1, b"", "depth:2", EXIT_S, 1, {}, {}, vault="0xvault", deployed_block=1
        )
        progress = Progress.load(self.directory, deployment.vault, deployment.deployed_block)
        logs = cast(VaultLogs, self.vault)
        self.relay = Relay(
            self.listed, deployment, logs, progress, clock_s=lambda: self.now_s, paid=lambda: self.venue.paid
        )

    def forget(self) -> None:
        """Start again without what the relay wrote down."""
        (self.directory / "custody.json").unlink(missing_ok=True)
        self.start()

    def tick(self) -> None:
        venue = cast(Any, self.venue)
        self.relay.tick(venue, venue)

    def later(self, n: int = 3) -> None:
        for _ in range(n):
            self.vault.act(None)
            self.tick()


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Venue:
    return Home.create(tmp_path_factory.mktemp("home") / "venue").venue


@pytest.fixture
def pair(tmp_path: Path, venue: Venue, monkeypatch: pytest.MonkeyPatch) -> Pair:
    monkeypatch.setattr("os.fsync", lambda descriptor: None)  # a disk's time is not what these are about
    return Pair(tmp_path, venue)


def test_a_deposit_is_credited_once_its_block_is_final(pair: Pair) -> None:
    pair.vault.act(Kind.DEPOSIT, (PAYER, USD), 70)
    pair.tick()
    assert not pair.venue.free
    pair.later()
    assert pair.venue.free[PAYER, USD] == 70
    (pair.directory / "custody.json").unlink()
    pair.start()
    pair.later()
    assert pair.venue.free[PAYER, USD] == 70


def test_what_cannot_be_credited_waits_and_holds_nobody_else_up(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    credit = pair.venue.deposit

    def unknown(account: int, *args: Any, **more: Any) -> None:  # noqa: ANN401
        if account == MAKER:
            raise RequestRejected(RejectReason.UNKNOWN_ACCOUNT, RejectReason.UNKNOWN_ACCOUNT.text)
        credit(account, *args, **more)

    pair.venue.deposit = unknown  # type: ignore[method-assign]
    pair.vault.act(Kind.DEPOSIT, (MAKER, USD), 5)
    pair.vault.act(Kind.DEPOSIT, (PAYER, USD), 70)
    pair.later(5)
    assert (pair.venue.free[MAKER, USD], pair.venue.free[PAYER, USD]) == (0, 70)
    assert caplog.text.count("of account 5 at the vault is not in the books yet") == 1
    pair.venue.deposit = credit  # type: ignore[method-assign]
    pair.start()
    pair.later()
    assert pair.venue.free[MAKER, USD] == 5


def funded(pair: Pair, units: int = 100) -> Name:
    pair.vault.act(Kind.DEPOSIT, (PAYER, USD), units)
    pair.later()
    return PAYER, USD


def test_a_request_frees_what_orders_hold_and_is_held_before_it_is_final(pair: Pair) -> None:
    name = funded(pair)
    pair.venue.free[name], pair.venue.in_orders[name] = 30, 70
    pair.vault.act(Kind.REQUEST, name, 80)
    pair.tick()
    assert (pair.venue.free[name], pair.venue.total(name), pair.venue.cancels) == (20, 100, 1)
    pair.vault.act(Kind.CANCEL, name)
    pair.tick()
    assert (pair.venue.free[name], pair.venue.open) == (100, {})


def test_what_is_missing_is_held_as_it_comes_and_an_exit_pays_what_was_left(pair: Pair) -> None:
    name = funded(pair)
    pair.venue.free[name] = 40  # 60 were traded away and are not settled yet
    pair.vault.act(Kind.REQUEST, name, 80)
    pair.tick()
    assert pair.venue.free[name] == 0
    pair.vault.settle(name, -60)
    pair.tick()
    assert pair.vault.requested[name] == 40
    pair.venue.free[name] += 25  # proceeds
    pair.vault.settle(name, 25)
    pair.tick()
    assert pair.venue.free[name] == 25
    pair.vault.act(Kind.EXIT, name)
    pair.tick()
    assert pair.venue.total(name) == 65
    pair.later()
    assert (pair.venue.total(name), pair.venue.paid[name], pair.venue.open) == (25, 40, {})


def test_an_exit_waits_until_what_came_before_it_is_final_and_is_paid_once(pair: Pair) -> None:
    name = funded(pair)
    pair.vault.act(Kind.REQUEST, name, 80)
    pair.tick()
    pair.vault.act(Kind.EXIT, name)
    pair.venue.is_final = False
    pair.later(4)
    assert pair.venue.paid[name] == 0
    pair.start()
    pair.venue.is_final = True
    pair.later()
    assert (pair.venue.paid[name], pair.venue.total(name)) == (80, 20)


def test_a_deposit_that_the_chain_takes_back_closes_its_currency(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    pair.vault.act(None)
    pair.vault.act(None)
    pair.later()
    pair.vault.act(Kind.DEPOSIT, (PAYER, USD), 70)
    pair.later(2)
    assert pair.venue.free[PAYER, USD] == 70
    pair.vault.undo(4)
    pair.tick()
    assert pair.venue.redeem_only == {"USD"}
    assert "took back what it had called final" in caplog.text
    pair.later(5)
    assert caplog.text.count("took back") == 1
    assert pair.venue.free[PAYER, USD] == 70, "who owes it is for people to find out"


def paid_then_undone(pair: Pair) -> tuple[Name, Movement]:
    """Have an exit paid, and its block undone."""
    name = PAYER, USD
    pair.later(8)
    pair.vault.act(Kind.REQUEST, name, 30)
    pair.later()
    pair.vault.act(Kind.EXIT, name)
    exit_ = pair.vault.blocks[-1]
    assert exit_ is not None
    pair.later(3)
    assert pair.venue.paid[name] == 30
    pair.vault.undo(4)
    return name, exit_


def test_an_exit_that_the_chain_takes_back_and_has_again_is_paid_once(pair: Pair) -> None:
    funded(pair)
    name, exit_ = paid_then_undone(pair)
    pair.tick()
    assert pair.venue.redeem_only == {"USD"}
    pair.vault.again(exit_)
    pair.later(5)
    assert pair.relay._progress.lost == []
    assert (pair.venue.paid[name], pair.venue.total(name)) == (30, 70)
    pair.vault.undo(6)
    pair.vault.again(exit_)
    pair.later(5)
    assert (pair.venue.paid[name], pair.venue.total(name)) == (30, 70), "nor when it comes a third time"


def test_what_waits_is_neither_lost_nor_credited_in_vain_when_final_blocks_are_undone(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    credit = pair.venue.deposit
    unknown = (MAKER, MAKER + 1)

    def refuses(account: int, *args: Any, **more: Any) -> None:  # noqa: ANN401
        if account in unknown:
            raise RequestRejected(RejectReason.UNKNOWN_ACCOUNT, RejectReason.UNKNOWN_ACCOUNT.text)
        credit(account, *args, **more)

    monkeypatch.setattr(pair.venue, "deposit", refuses)
    pair.vault.act(Kind.DEPOSIT, (MAKER, USD), 5)
    funded(pair)
    pair.later(8)
    pair.vault.act(Kind.DEPOSIT, (MAKER + 1, USD), 7)
    pair.later(3)
    pair.vault.undo(4)
    pair.later(5)
    monkeypatch.setattr(pair.venue, "deposit", credit)
    pair.later()
    assert {name: units for name, units in pair.venue.free.items() if units} == {(PAYER, USD): 100, (MAKER, USD): 5}


def test_a_reorganisation_of_what_was_not_final_is_nothing_special(pair: Pair) -> None:
    funded(pair)
    pair.vault.act(Kind.DEPOSIT, (PAYER, USD), 70)
    pair.tick()
    pair.vault.undo(1)
    pair.later(5)
    assert (pair.venue.free[PAYER, USD], pair.venue.redeem_only) == (100, set())


def test_a_venue_that_cannot_see_the_chain_closes_in_time_and_opens_again(pair: Pair) -> None:
    pair.vault.is_seen = False
    for now_s, closed in ((1.0, False), (300.0, False), (300.1, True), (900.0, True)):
        pair.now_s = now_s
        with pytest.raises(ChainUnavailable):
            pair.tick()
        assert pair.venue.cancel_only is closed
    pair.vault.is_seen = True
    pair.tick()
    assert pair.venue.cancel_only is False


def test_how_long_nothing_was_seen_is_counted_across_starts_and_clocks_set_back(pair: Pair) -> None:
    pair.now_s = 50_000.0
    funded(pair)
    pair.vault.is_seen = False
    pair.now_s += 301
    pair.start()
    with pytest.raises(ChainUnavailable):
        pair.tick()
    assert pair.venue.cancel_only is True
    pair.vault.is_seen = True
    pair.later()
    pair.vault.is_seen = False
    for now_s, closed in ((10_000.0, False), (10_300.0, False), (10_301.0, True)):
        pair.now_s = now_s
        with pytest.raises(ChainUnavailable):
            pair.tick()
        assert pair.venue.cancel_only is closed


def test_whatever_goes_wrong_with_a_look_it_was_none(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    pair.tick()
    pair.now_s = 301
    monkeypatch.setattr(pair.vault, "pending", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        pair.tick()
    assert pair.venue.cancel_only is True


@pytest.mark.parametrize("door", ["balances", "withdraw", "mass_cancel"])
def test_what_is_refused_of_one_account_keeps_no_other_waiting(
    pair: Pair, door: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    names = [(PAYER, USD), (MAKER, USD)]
    for name in names:
        pair.vault.act(Kind.DEPOSIT, name, 100)
    pair.later()
    for name in names:
        pair.vault.act(Kind.REQUEST, name, 80)
        pair.venue.free[name], pair.venue.in_orders[name] = 30, 70
    own = getattr(pair.venue, door)

    def refuses(*values: Any, account: int = 0, **more: Any) -> object:  # noqa: ANN401
        if PAYER in (account, *values):
            raise RequestRejected(RejectReason.ACCOUNT_FROZEN, RejectReason.ACCOUNT_FROZEN.text)
        return own(*values, **({"account": account} if account else {}), **more)

    monkeypatch.setattr(pair.venue, door, refuses)
    pair.later(4)
    assert [pair.venue.free[name] for name in names][1] == 20
    assert caplog.text.count("what account 4 asked of the vault is not held") == 1
    monkeypatch.setattr(pair.venue, door, own)
    pair.tick()
    assert [pair.venue.free[name] for name in names] == [20, 20]


def test_so_many_small_withdrawals_that_no_other_fits_become_one(pair: Pair) -> None:
    name = funded(pair)
    pair.venue.max_withdrawals = 5
    pair.vault.act(Kind.REQUEST, name, 90)
    for _ in range(5):  # the holder's own, to keep the rest free
        pair.venue.withdraw("USD", "0.000001", account=PAYER)
    pair.tick()
    assert pair.venue.free[name] == 10
    assert [units for _, units in pair.venue.open.values()] == [90]


def test_what_has_left_is_free_at_no_moment_until_it_is_paid(pair: Pair) -> None:
    name = funded(pair)
    pair.venue.free[name] = 60
    pair.vault.act(Kind.REQUEST, name, 100)
    pair.tick()
    pair.venue.free[name] = 40
    pair.tick()
    assert [units for _, units in pair.venue.open.values()] == [60, 40]
    pair.venue.grabbing = name
    pair.vault.act(Kind.EXIT, name)
    pair.venue.is_final = False
    pair.later()
    assert pair.venue.total(name) == 100
    pair.venue.is_final = True
    pair.later()
    assert (pair.venue.paid[name], pair.venue.total(name)) == (100, 0)


def test_an_exit_is_paid_whole_or_not_yet(pair: Pair) -> None:
    name = funded(pair)
    pair.venue.free[name] = 60
    pair.vault.act(Kind.REQUEST, name, 100)
    pair.tick()
    pair.venue.free[name] = 40
    pair.tick()
    assert pair.venue.cancels == 0, "nothing but withdrawals holds the money"
    pair.vault.act(Kind.EXIT, name)
    pair.venue.final_to = min(pair.venue.open)
    pair.later()
    assert (pair.venue.paid[name], len(pair.venue.open)) == (0, 2)
    pair.venue.final_to = max(pair.venue.open)
    pair.later()
    assert pair.venue.paid[name] == 100


def test_an_exit_of_less_than_is_held_pays_just_that(pair: Pair) -> None:
    name = funded(pair)
    pair.vault.act(Kind.REQUEST, name, 100)
    pair.tick()
    pair.vault.settle(name, -60)  # matched before, and nobody looked until all was over
    pair.vault.act(Kind.EXIT, name)
    pair.later()
    assert (pair.venue.paid[name], pair.venue.free[name], pair.venue.open) == (40, 60, {})


def test_what_pays_an_exit_is_not_given_back_for_being_too_much(pair: Pair) -> None:
    name = funded(pair)
    for amount in ("0.000050", "0.000040"):  # the holder's own
        pair.venue.withdraw("USD", amount, account=PAYER)
    pair.vault.act(Kind.REQUEST, name, 40)
    pair.vault.act(Kind.EXIT, name)
    pair.venue.is_final = False
    pair.later()
    assert [units for _, units in pair.venue.open.values()] == [40]
    pair.venue.is_final = True
    pair.later()
    assert (pair.venue.paid[name], pair.venue.total(name)) == (40, 60)


def test_an_exit_that_the_chain_takes_back_keeps_nothing_held(pair: Pair) -> None:
    name = funded(pair)
    pair.vault.act(Kind.REQUEST, name, 80)
    pair.tick()
    pair.vault.act(Kind.EXIT, name)
    pair.venue.is_final = False
    pair.later(2)
    pair.vault.undo(3)
    pair.vault.act(Kind.CANCEL, name)
    pair.later(4)
    assert (pair.venue.free[name], pair.venue.open) == (100, {})


def test_a_request_that_is_over_is_not_asked_about_for_ever(pair: Pair) -> None:
    name = funded(pair)
    pair.vault.act(Kind.REQUEST, name, 80)
    pair.later()
    assert pair.relay._progress.requests == {name}
    pair.vault.final_lag = 6  # a node that is behind its own word about what is final
    pair.tick()
    pair.vault.final_lag = 2
    pair.tick()
    assert sum(units for _, units in pair.venue.open.values()) == 80
    pair.vault.act(Kind.EXIT, name)
    pair.later()
    assert pair.relay._progress.requests == set()


def test_a_relay_without_its_memory_pays_nothing_twice(pair: Pair) -> None:
    name = funded(pair)
    for units in (30, 20):
        pair.vault.act(Kind.REQUEST, name, units)
        pair.tick()
        pair.vault.act(Kind.EXIT, name)
        pair.later()
    assert pair.venue.paid[name] == 50
    pair.vault.act(Kind.REQUEST, name, 10)
    pair.tick()
    pair.vault.act(Kind.EXIT, name)
    pair.forget()
    pair.later()
    assert (pair.venue.paid[name], pair.venue.total(name)) == (60, 40)


def test_a_token_that_the_venue_does_not_know_stops_nobody(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    unknown = PAYER, len(pair.listed.currencies)
    pair.vault.act(Kind.DEPOSIT, unknown, 5)
    pair.vault.act(Kind.REQUEST, unknown, 5)
    pair.vault.act(Kind.DEPOSIT, (PAYER, USD), 70)
    pair.later()
    pair.vault.act(Kind.EXIT, unknown)
    pair.later()
    assert pair.venue.free[PAYER, USD] == 70
    assert caplog.text.count("no such currency") == 3


def test_thousands_of_small_deposits_keep_no_request_waiting(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    name = funded(pair)
    credit, tried = pair.venue.deposit, list[int]()

    def counts(account: int, *args: Any, **more: Any) -> None:  # noqa: ANN401
        tried.append(account)
        if account == MAKER:
            raise RequestRejected(RejectReason.UNKNOWN_ACCOUNT, RejectReason.UNKNOWN_ACCOUNT.text)
        credit(account, *args, **more)

    monkeypatch.setattr(pair.venue, "deposit", counts)
    for _ in range(400):
        pair.vault.act(Kind.DEPOSIT, (MAKER, USD), 1)
        pair.vault.act(Kind.DEPOSIT, name, 1)
    pair.vault.act(None)
    pair.vault.act(None)
    pair.vault.act(Kind.REQUEST, name, 80)
    pair.tick()
    assert (tried.count(MAKER), tried.count(PAYER)) == (1, 256)
    assert sum(units for _, units in pair.venue.open.values()) == 80
    pair.tick()
    pair.later()
    assert pair.venue.total(name) == 500


def test_an_exit_of_the_fees_account_takes_nothing_of_whoever_asks(pair: Pair) -> None:
    fees = 0, USD
    pair.venue.free[fees] = 50  # as the venue takes account 0: the asking session's own
    pair.vault.act(Kind.DEPOSIT, (PAYER, USD), 70)
    pair.vault.balance[fees] = 20
    pair.vault.act(Kind.REQUEST, fees, 20)
    pair.tick()
    pair.vault.act(Kind.EXIT, fees)
    pair.later()
    assert (pair.venue.free[fees], pair.venue.open, pair.venue.free[PAYER, USD]) == (50, {}, 70)


@pytest.mark.parametrize(
    "damage", ["", "{", '{"format": "fxengine custody 1"}', '{"format": "other", "vault": "0xvault"}']
)
def test_a_damaged_memory_is_refused_with_what_to_do(pair: Pair, damage: str) -> None:
    (pair.directory / "custody.json").write_text(damage)
    with pytest.raises(ChainError, match="remove it: all is read anew"):
        pair.start()


@pytest.mark.parametrize("run", range(40))
def test_whatever_people_do_both_sides_come_to_the_same(pair: Pair, run: int, seed: int) -> None:
    rng = random.Random(f"{seed} {run}")
    vault, venue = pair.vault, pair.venue
    names = [(account, currency) for account in (PAYER, MAKER) for currency in (USD, USD + 1)]
    unsettled: list[tuple[Name, int]] = []
    for _ in range(150):
        name, throw = rng.choice(names), rng.random()
        if throw < 0.15:
            vault.act(Kind.DEPOSIT, name, rng.randrange(1, 1_000))
        elif throw < 0.25 and not vault.requested[name] and vault.balance[name]:
            vault.act(Kind.REQUEST, name, rng.randrange(1, vault.balance[name] + 1))
        elif throw < 0.29 and vault.requested[name]:
            vault.act(Kind.CANCEL, name)
        elif throw < 0.36 and vault.requested[name] and not unsettled:  # the delay outlasts settlement
            vault.act(Kind.EXIT, name)
        elif throw < 0.5 and venue.free[name]:
            units = rng.randrange(1, venue.free[name] + 1)
            if rng.random() < 0.3:
                venue.free[name] -= units
                venue.in_orders[name] += units
            else:
                other = PAYER + MAKER - name[0], name[1]
                venue.free[name] -= units
                venue.free[other] += units
                unsettled += [(other, units), (name, -units)]
        elif throw < 0.6:
            while unsettled:
                vault.settle(*unsettled.pop(0))
        elif throw < 0.63:
            pair.start()
        elif throw < 0.64 and venue.is_final:
            pair.forget()
        elif throw < 0.65:
            venue.is_final = not venue.is_final
        elif throw < 0.8:
            vault.act(None)
        pair.tick()
    venue.is_final = True
    while unsettled:
        vault.settle(*unsettled.pop(0))
    pair.later(8)
    for name in names:
        assert venue.total(name) == vault.balance[name] + vault.requested[name], (run, name)
        assert venue.paid[name] == vault.exited[name], (run, name)
        held = sum(units for who, units in venue.open.values() if who == name)
        assert held == vault.requested[name], (run, name)
