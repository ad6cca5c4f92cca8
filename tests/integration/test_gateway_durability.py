"""The gateway says nothing that a power cut could take back."""

from pathlib import Path

from fxengine.gateway.session import State
from fxengine.messages import (
    AccountNumber,
    AccountRequest,
    Balances,
    BalancesRequest,
    Book,
    BookRequest,
    Deposit,
    LogonAck,
    Logout,
    LogoutAck,
    MoneyReport,
)
from fxengine.wire import decode_replies, encode
from tests.asking import logon
from tests.integration.hand_cycled import ByHand
from tests.integration.venue_thread import until
from tests.unit.engine.flow import GatedDisk


def test_nothing_is_answered_while_the_sync_of_what_it_tells_of_is_held_back(short_folder: Path) -> None:
    disk = GatedDisk()
    hand = ByHand(short_folder, disk)
    gateway, dispatcher = hand.gateway, hand.gateway.dispatcher
    try:
        _, maker = hand.log_on("maker-1")
        socket, operator = hand.log_on("operator-1", hand.operator)
        newcomer = hand.connect()
        sequence = hand.engine.core.sequence
        dispatcher.take_ready()
        disk.gate.clear()
        newcomer.send(encode([logon(hand.token("payer-1"))]))
        messages = [
            Deposit(1, maker.account, 0, 1_000),
            BalancesRequest(2),
            AccountRequest(3, hand.kyc.issuer, "maker-1"),
            BookRequest(4, 0, 5),
            Logout(),
        ]
        for message in messages:  # each in a cycle of its own: none may hide behind another
            socket.send(encode([message]))

        def read_on() -> None:
            gateway.take_mail()
            dispatcher.submit()
            hand.engine.pump()
            assert dispatcher.take_ready() == []

        until(lambda: operator.state is State.CLOSED and hand.engine.core.sequence == sequence + 2, read_on)
        assert disk.began.acquire(timeout=20)
        read_on()
        assert not any(session.outbox for session in dispatcher.sessions)
        disk.gate.set()
        heard: list[object] = []

        def listen() -> None:
            hand.gateway.cycle()
            if socket.poll(0):
                heard.extend(decode_replies(socket.recv()))

        until(lambda: heard and type(heard[-1]) is LogoutAck, listen)
        assert any(isinstance(message, MoneyReport) for message in heard)
        answers = (Balances, AccountNumber, Book, LogoutAck)
        assert [type(message) for message in heard if isinstance(message, answers)] == list(answers)
        hand.turn_until(lambda: newcomer.poll(0))
        assert isinstance(decode_replies(newcomer.recv())[0], LogonAck)
    finally:
        disk.gate.set()
        hand.close()
