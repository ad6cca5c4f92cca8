"""Cancels by hand: by either id, only one's own, never the wrong use of a slot, and allowed to leave always."""

from bench.flows import commands
from fxengine.codes import CommandKind, EventFlag, EventKind, OrdStatus, RejectReason, Side
from tests.unit.reference.desk import MAKER, OTHER, PAYER, USD, Desk


def funded() -> Desk:
    desk = Desk()
    desk.fund(MAKER, eur=100)
    desk.fund(PAYER, usd=1000)
    return desk


def test_by_order_id_the_hold_is_released_and_the_book_reduced() -> None:
    desk = funded()
    (accepted,) = desk.buy(PAYER, 3, 10)
    (canceled,) = desk.cancel(PAYER, order_id=accepted.order_id)
    assert (canceled.kind, canceled.status, canceled.reason) == (
        EventKind.CANCELED,
        OrdStatus.CANCELED,
        RejectReason.NONE,
    )
    assert (canceled.client_order_id, canceled.request_id) == (1, 2)
    assert (canceled.flags, canceled.instrument_stream, canceled.quantity_lots) == (EventFlag.BOOK, 2, 3)
    assert desk.has(PAYER, USD) == (1000, 0)
    assert desk.core.depth(0, Side.BUY, 5) == []


def test_by_client_id_the_rest_of_a_part_filled_order_goes() -> None:
    desk = funded()
    (accepted,) = desk.buy(PAYER, 3, 10)
    desk.sell(MAKER, 1, 10)
    (canceled,) = desk.cancel(PAYER, orig_client_order_id=accepted.client_order_id)
    assert (canceled.quantity_lots, canceled.cum_lots) == (2, 1)
    assert desk.has(PAYER, USD) == (990, 0)


def test_a_cancel_needs_no_id_of_its_own() -> None:
    desk = funded()
    (accepted,) = desk.buy(PAYER, 3, 10)
    (canceled,) = desk.send(commands.cancel(PAYER, 0, order_id=accepted.order_id))
    assert (canceled.kind, canceled.request_id) == (EventKind.CANCELED, 0)
    assert desk.core.client_id_highest(PAYER) == 1
    (refused,) = desk.send(commands.cancel(PAYER, 0, order_id=accepted.order_id))
    assert refused.reason == RejectReason.UNKNOWN_ORDER


def test_anothers_order_reads_as_unknown_and_stays() -> None:
    desk = funded()
    (accepted,) = desk.buy(PAYER, 3, 10)
    (refused,) = desk.cancel(OTHER, order_id=accepted.order_id)
    assert (refused.kind, refused.reason, refused.account) == (EventKind.REJECTED, RejectReason.UNKNOWN_ORDER, OTHER)
    assert (refused.side, refused.order_id, refused.request_id) == (CommandKind.CANCEL, accepted.order_id, 1)
    assert desk.core.n_orders == 1


def test_an_earlier_use_of_the_slot_is_not_the_present_order() -> None:
    desk = funded()
    (first,) = desk.buy(PAYER, 3, 10)
    desk.cancel(PAYER, order_id=first.order_id)
    (second,) = desk.buy(PAYER, 3, 10)
    assert second.order_id & 0xFFFF_FFFF == first.order_id & 0xFFFF_FFFF
    assert desk.cancel(PAYER, order_id=first.order_id)[0].reason == RejectReason.UNKNOWN_ORDER
    assert desk.core.n_orders == 1


def test_by_client_id_a_closed_order_is_closed_and_another_command_is_unknown() -> None:
    desk = funded()
    desk.buy(PAYER, 3, 10)  # id 1
    desk.cancel(PAYER, orig_client_order_id=1)  # id 2
    desk.buy(PAYER, 300, 10)  # id 3, unfunded
    assert desk.cancel(PAYER, orig_client_order_id=1)[0].reason == RejectReason.ORDER_CLOSED
    assert desk.cancel(PAYER, orig_client_order_id=2)[0].reason == RejectReason.UNKNOWN_ORDER
    assert desk.cancel(PAYER, orig_client_order_id=3)[0].reason == RejectReason.ORDER_CLOSED
    assert desk.cancel(PAYER, orig_client_order_id=99)[0].reason == RejectReason.UNKNOWN_ORDER


def test_an_order_older_than_the_window_is_reached_by_order_id_alone() -> None:
    desk = funded()
    (old,) = desk.buy(PAYER, 1, 10)
    for _ in range(16):
        desk.buy(PAYER, 1, 9)
    assert desk.cancel(PAYER, orig_client_order_id=old.client_order_id)[0].reason == RejectReason.UNKNOWN_ORDER
    assert desk.cancel(PAYER, order_id=old.order_id)[0].kind is EventKind.CANCELED


def test_cancelling_keeps_the_others_in_their_order() -> None:
    desk = funded()
    ids = [desk.sell(MAKER, 1, 10)[0].order_id for _ in range(3)]
    desk.cancel(MAKER, order_id=ids[1])
    events = desk.buy(PAYER, 2, 10)
    assert [event.order_id for event in events if event.flags & EventFlag.MAKER] == [ids[0], ids[2]]


def test_an_ended_credential_may_still_cancel() -> None:
    desk = funded()
    desk.now_ns = 50
    desk.send(commands.credential(6, "payer-2", permitted=range(4), expires_ns=100))
    desk.wait_until(100)
    (refused,) = desk.cancel(6, order_id=1)
    assert refused.reason == RejectReason.UNKNOWN_ORDER  # looked for, though the credential has ended
    assert desk.buy(6, 1, 1)[0].reason == RejectReason.CREDENTIAL_EXPIRED
