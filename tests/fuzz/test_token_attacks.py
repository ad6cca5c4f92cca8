"""Each attack on a token that the literature knows is refused with its code, and opens nothing."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bench.fuzz_tokens import Forger
from bench.fuzz_venue import START_NS, FuzzVenue, fuzz_venue
from fxengine.codes import RejectReason as R
from fxengine.codes import RevokeAction
from fxengine.messages import BalancesRequest, ExecutionReport, Logon, NewOrder, Reject, Reply, Revoke

JTI = "stolen-1"


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[FuzzVenue]:
    with fuzz_venue(tmp_path) as opened:
        yield opened


@pytest.fixture
def forger(venue: FuzzVenue, tmp_path: Path) -> Forger:
    """One who has the issuer's own key, so that only what each attack changes is wrong."""
    private = load_pem_private_key((tmp_path / "keys" / "sandbox-1.pem").read_bytes(), None)
    assert isinstance(private, Ed25519PrivateKey)
    return Forger(private, issuer="sandbox", kid="sandbox-1", venue_id=venue.venue.id, now_s=START_NS // 10**9)


def reasons(heard: list[Reply]) -> list[R]:
    """The reasons of refusals, the gateway's and the core's; any other answer stands there as NONE."""
    return [R(m.reason) if isinstance(m, Reject | ExecutionReport) else R.NONE for m in heard]


def test_every_attack_is_refused_with_its_code_and_changes_nothing(venue: FuzzVenue, forger: Forger, seed: int) -> None:
    before = venue.engine.core.state_hash()
    wrong = []
    attacks = list(forger.attacks(Random(seed)))
    for attack in attacks:
        venue.clock.now_ns = START_NS  # the attacks are made for this moment
        seat = venue.seat(attack.client_key)
        heard = seat.say(Logon(attack.token))
        if reasons(heard) != [attack.reason]:
            wrong.append((attack.name, attack.reason, heard))
        assert reasons(seat.say(BalancesRequest(1))) == [R.NOT_LOGGED_ON]
        seat.leave()
    assert not wrong
    assert venue.engine.core.state_hash() == before
    assert {a.reason for a in attacks} >= {
        R.TOKEN_MALFORMED, R.TOKEN_ALGORITHM, R.TOKEN_SIGNATURE, R.TOKEN_EXPIRED, R.TOKEN_NOT_YET_VALID,
        R.TOKEN_CLAIM, R.UNKNOWN_ISSUER, R.WRONG_AUDIENCE, R.LEVEL_NOT_ALLOWED, R.JURISDICTION_NOT_ALLOWED,
        R.CLIENT_KEY_MISMATCH,
    }  # fmt: skip


def test_what_the_attacks_were_made_from_is_a_good_token(venue: FuzzVenue, forger: Forger) -> None:
    assert venue.seat().log_on(forger.signed()).account
    assert venue.seat("a" * 40).log_on(forger.signed(sub="bound-1", cnf={"curve": "a" * 40})).account


@pytest.mark.parametrize("n_flips", [1, 2, 5])
def test_a_token_with_flipped_bits_is_never_taken(venue: FuzzVenue, forger: Forger, seed: int, n_flips: int) -> None:
    rng, good = Random(seed + n_flips), forger.signed()
    before = venue.engine.core.state_hash()
    for _ in range(300):
        token = bytearray(good.encode())
        for place in rng.sample(range(len(token)), n_flips):
            token[place] ^= 1 << rng.randrange(7)
        seat = venue.seat()
        [reason] = reasons(seat.say(Logon(token.decode("ascii"))))
        assert 200 < reason < 300, token
        seat.leave()
    assert venue.engine.core.state_hash() == before


def test_a_revoked_token_is_refused_at_once_and_whenever_it_is_replayed(venue: FuzzVenue, forger: Forger) -> None:
    stolen = forger.signed(jti=JTI)
    session = venue.seat()
    account = session.log_on(stolen).account
    venue.operate(Revoke(0, int(RevokeAction.TOKEN), 0, JTI))

    assert reasons(session.say(BalancesRequest(1)))[-1:] == [R.TOKEN_REVOKED]
    order = NewOrder(1, 0, 1, 2, 1, 0, 0, 100_000, 10)
    assert reasons(session.say(order))[-1:] == [R.TOKEN_REVOKED]
    assert reasons(venue.seat().say(Logon(stolen))) == [R.TOKEN_REVOKED]

    venue.clock.now_ns += 2 * 10**9
    now_s = venue.clock() // 10**9
    fresh = forger.signed(jti="fresh-1", iat=now_s, nbf=now_s)
    assert venue.seat().log_on(fresh).account == account
    assert reasons(venue.seat().say(Logon(stolen)))[-1:] == [R.TOKEN_REVOKED], (
        "replayed after its account has a new one"
    )
    assert venue.seat().log_on(fresh).account == account


def test_a_frozen_account_is_refused_with_any_token(venue: FuzzVenue, forger: Forger) -> None:
    session = venue.seat()
    account = session.log_on(forger.signed()).account
    venue.operate(Revoke(0, int(RevokeAction.FREEZE), account, ""))
    assert reasons(session.say(BalancesRequest(1)))[-1:] == [R.ACCOUNT_FROZEN]
    assert reasons(venue.seat().say(Logon(forger.signed(jti="fresh-1")))) == [R.ACCOUNT_FROZEN]
    venue.operate(Revoke(0, int(RevokeAction.UNFREEZE), account, ""))
    assert venue.seat().log_on(forger.signed(jti="fresh-2")).account == account


def test_a_token_older_than_the_account_has_used_is_refused(venue: FuzzVenue, forger: Forger) -> None:
    old = forger.signed()
    venue.clock.now_ns += 2 * 10**9
    now_s = venue.clock() // 10**9
    venue.seat().log_on(forger.signed(jti="newer-1", iat=now_s, nbf=now_s))
    assert reasons(venue.seat().say(Logon(old)))[-1:] == [R.CREDENTIAL_SUPERSEDED]
