"""Accounts are named by what the journal proves, and by nothing else."""

import numpy as np

from fxengine.codes import EventKind
from fxengine.ledger import AccountName
from fxengine.records import COMMAND, CREDENTIAL, EVENT
from fxengine.settlement.naming import credentialed_names
from tests.unit.settlement.trading import CLIENTS, ISSUER, OPERATOR, SECOND_NS, Clock, Flow, Trading


def test_every_account_that_logs_on_is_named(trading: Trading, flow: Flow) -> None:
    trading.start()
    trading.open(flow)
    found = [name for r in trading.released for name in credentialed_names(r.commands, r.events, r.first_sequence)]
    assert found == [
        AccountName(OPERATOR, ISSUER, "operator-1"), *(AccountName(n, ISSUER, f"payer-{n}") for n in CLIENTS)
    ]  # fmt: skip


def test_a_refused_logon_names_nobody(trading: Trading, flow: Flow, clock: Clock) -> None:
    clock.now_ns += 10**7 * SECOND_NS  # past the credentials' end
    trading.start()
    for commands in flow.opening()[:2]:
        trading.submit(commands)
    assert len(trading.released) == 2
    assert [credentialed_names(r.commands, r.events, r.first_sequence) for r in trading.released] == [[], []]


def test_names_are_found_among_other_commands(trading: Trading, flow: Flow) -> None:
    trading.start()
    operator, payer = flow.opening()[:2]
    commands = np.concatenate([flow.order(), operator, flow.order(), flow.order(), payer, flow.order()])
    events = np.zeros(2, EVENT)
    events["kind"], events["account"], events["sequence"] = EventKind.CREDENTIALED, [2, 3], [42, 45]
    assert credentialed_names(commands, events, 41) == [
        AccountName(2, ISSUER, "operator-1"), AccountName(3, ISSUER, "payer-3")
    ]  # fmt: skip
    assert credentialed_names(commands, events[1:], 41) == [AccountName(3, ISSUER, "payer-3")]


def test_text_that_does_not_hash_to_the_identity_names_nobody(flow: Flow) -> None:
    credential = flow.opening()[0].copy()
    events = np.zeros(1, EVENT)
    events["kind"], events["account"], events["sequence"] = EventKind.CREDENTIALED, OPERATOR, 1
    assert credentialed_names(credential, events, 1) != []
    credential.view(CREDENTIAL)["identity"][0] = b"\1" * 16
    assert credentialed_names(credential, events, 1) == []
    without_text = credential[:2].copy()
    without_text["n_records"][0] = 2
    assert credentialed_names(without_text, events, 1) == []
    assert credentialed_names(np.zeros(0, COMMAND), events[:0], 1) == []
