"""The scene in which money is refused for its issuer's or its reserves' sake, at a venue that lists both."""

from pathlib import Path
from typing import TYPE_CHECKING

from fxengine.codes import RejectReason as R
from fxengine.codes import WithdrawalAction
from fxengine.messages import BalancesRequest, Deposit, EndWithdrawal, Withdraw
from fxengine.reserves.attestation import TYPE
from fxengine.sandbox import create_key, load_key
from tests.integration.refusal_scenes import open_withdrawals
from tests.integration.venue_thread import CURRENCIES, SECOND_NS, START_NS

if TYPE_CHECKING:
    from tests.integration.test_gateway_reject_codes import Desk


def listed_treasury(folder: Path) -> str:
    """Return what lists an issuer of HKD and a custodian of JPY, which attests five units of it."""
    issuer, custodian = (create_key(folder / "listed", who, who) for who in ("hkd-issuer", "jpy-custodian"))
    iat = START_NS // SECOND_NS
    claims = {"aud": "fx-test", "currency": "JPY", "amount": "0.000005", "iat": iat, "exp": iat + 999, "ref": ""}
    attestation = folder / "data" / "attestations" / f"JPY-{iat:013d}-1.jwt"
    attestation.parent.mkdir(parents=True)
    attestation.write_text(custodian.sign(claims, typ=TYPE))
    return (
        f'[[issuers]]\niss = "hkd-issuer"\nkeys = {{ hkd-issuer = "{issuer.public_text}" }}\n'
        'levels = ["professional"]\njurisdictions = ["HK"]\nissues = ["HKD"]\n'
        f'[[custodians]]\niss = "jpy-custodian"\nkeys = {{ jpy-custodian = "{custodian.public_text}" }}\n'
        'currencies = ["JPY"]'
    )


def treasury(desk: "Desk") -> None:
    """Money of a currency that has an issuer, beyond what is attested, and of accounts that one may not look at."""
    jpy, hkd = (CURRENCIES.index(code) for code in ("JPY", "HKD"))
    client, account = desk.log_on("payer-1")
    desk.refused(client, BalancesRequest(1, account + 1), R.NOT_AUTHORIZED)
    desk.refused(desk.operator, BalancesRequest(1, 99), R.UNKNOWN_ACCOUNT)
    desk.refused(desk.operator, Deposit(1, account, hkd, 5), R.NOT_ITS_ISSUER)
    desk.refused(desk.operator, Deposit(1, account, jpy, 6), R.RESERVES_EXCEEDED)
    issuer = desk.venue.connection()
    issuer.log_on(desk.venue.token("desk", key=load_key(desk.venue.folder / "listed", "hkd-issuer", "hkd-issuer")))
    issuer.say(Deposit(1, account, hkd, 5))
    issuer.hear()
    client.say(Withdraw(1, 0, hkd, 5))
    (number,) = open_withdrawals(client, account)
    desk.refused(desk.operator, EndWithdrawal(1, WithdrawalAction.PAID, number), R.NOT_ITS_ISSUER)
