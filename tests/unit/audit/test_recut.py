"""The auditor's own netting names and counts what the journal proves, event by event."""

import numpy as np

from fxengine.audit.recut import Stretch
from fxengine.codes import EventKind
from fxengine.engine import credential_command
from fxengine.records import CREDENTIAL, EVENT, Records
from tests.unit.settlement.trading import make_venue

VENUE = make_venue()


def credential(subject: str) -> Records:
    return credential_command(
        "kyc", subject, token_id="t", permitted=[0], level=1, jurisdiction="HK", window=16, issued_at_ns=0, expires_ns=1
    ).copy()  # fmt: skip


def opened(commands: Records) -> dict[int, tuple[str, str]]:
    """Let every command from number 41 on be answered with CREDENTIALED, for accounts 2, 3 ..."""
    events = np.zeros(2, EVENT)
    events["kind"], events["sequence"], events["account"] = EventKind.CREDENTIALED, [41, 42], [2, 3]
    stretch = Stretch()
    stretch.add(events.tobytes(), commands.tobytes(), 41, VENUE)
    assert not stretch.moves_money
    assert stretch.postings() == []
    return stretch.names


def test_names_come_from_text_that_hashes_to_the_identity() -> None:
    right, wrong = credential("payer-1"), credential("payer-2")
    assert opened(np.concatenate([right, wrong])) == {2: ("kyc", "payer-1"), 3: ("kyc", "payer-2")}
    wrong.view(CREDENTIAL)["identity"][0] = bytes(range(16))
    assert opened(np.concatenate([right, wrong])) == {2: ("kyc", "payer-1")}
