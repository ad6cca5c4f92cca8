"""An instant swap's receipt against its own fills: every unit is somewhere, and nothing was better by itself.

The money of a swap in each currency: what legs received less their fees and less what legs spent is the payer's
change there; of the currency paid it is minus what was spent, of the one received it includes what was delivered.
"""

from collections import defaultdict

from bench.flows import Event, Scenario
from fxengine.codes import EventFlag, EventKind, Side

LEGS_MAX = 24
SINGLES_MAX = 3


class SwapAudit:
    """Holds each command's receipt against its fills; AssertionError where they disagree."""

    def __init__(self, scenario: Scenario) -> None:
        self.pairs, self.max_fills = scenario.pairs, scenario.max_fills

    def observe(self, events: list[Event]) -> None:
        """Follow one command's events."""
        receipts = [event for event in events if event.kind is EventKind.SWAPPED]
        fills = [event for event in events if event.kind is EventKind.FILL and event.flags & EventFlag.SWAP]
        legs = [event for event in events if event.kind is EventKind.SWAP_LEG]
        paths = [event for event in events if event.kind is EventKind.SWAP_PATH]
        assert len(receipts) == (1 if fills else 0)
        if not receipts:
            assert not legs
            assert not paths
            return
        (receipt,) = receipts
        assert (receipt.n_legs, receipt.singles) == (len(legs), len(paths))
        assert 1 <= len(legs) <= LEGS_MAX
        assert len(paths) <= SINGLES_MAX
        assert receipt.fills == len(fills) <= self.max_fills
        assert events.index(receipt) > max(events.index(event) for event in fills + legs + paths)
        assert [leg.instrument for leg in legs] == list(dict.fromkeys(fill.instrument for fill in fills))
        for leg in legs:
            self._leg(leg, [fill for fill in fills if fill.instrument == leg.instrument])
        self._money(receipt, legs)
        self._paths(receipt, paths)
        paid = [event for event in events if event.kind is EventKind.RECEIVED]
        assert [event.amount_units for event in paid] == [receipt.amount_out_units] * len(paid)
        assert len(paid) == (receipt.counterparty != receipt.account)

    def _leg(self, leg: Event, fills: list[Event]) -> None:
        """A leg is the sum of its fills."""
        assert {(fill.side, fill.account) for fill in fills} == {(leg.side, leg.account)}
        pair = self.pairs[leg.instrument]
        base = sum(fill.quantity_lots for fill in fills) * pair.lot_units
        quote = sum(fill.quantity_lots * fill.price_ticks for fill in fills) * pair.tick_lot_units
        spent, received = (quote, base) if leg.side == Side.BUY else (base, quote)
        assert (leg.spent_units, leg.received_units) == (spent, received), leg
        assert leg.fee_units == sum(fill.fee_units for fill in fills), leg
        assert (leg.fills, leg.quantity_lots) == (len(fills), sum(fill.quantity_lots for fill in fills)), leg

    def _money(self, receipt: Event, legs: list[Event]) -> None:
        """Every unit that was received was spent, delivered, or is change that is told, and legs find their money."""
        left: defaultdict[int, int] = defaultdict(int, {receipt.instrument: receipt.amount_in_units})
        told: dict[int, int] = {}
        for leg in legs:
            pair = self.pairs[leg.instrument]
            pays, gets = (pair.quote, pair.base) if leg.side == Side.BUY else (pair.base, pair.quote)
            left[pays] -= leg.spent_units
            assert left[pays] >= 0, f"a leg spends what is not there yet: {leg}"
            assert not told.get(gets), f"change was told before the last leg: {leg}"
            left[gets] += leg.received_units - leg.fee_units
            told[gets] = leg.change_units
        left[receipt.currency_out] -= receipt.amount_out_units
        assert left.pop(receipt.instrument) == 0, receipt
        assert dict(left) == told, receipt
        assert min(told.values()) >= 0, receipt

    def _paths(self, receipt: Event, paths: list[Event]) -> None:
        """No single path is better than what was done, and they are told best first."""
        merits = [(event.amount_out_units, -event.amount_in_units) for event in (receipt, *paths)]
        assert merits == sorted(merits, reverse=True), "a single path is better"
        for path in paths:
            assert (path.instrument, path.currency_out) == (receipt.instrument, receipt.currency_out)
            currency = path.instrument
            for index in [path.path_0, path.path_1, path.path_2][: path.n_legs]:
                pair = self.pairs[index]
                assert currency in (pair.base, pair.quote)
                currency = pair.quote if currency == pair.base else pair.base
            assert currency == path.currency_out
