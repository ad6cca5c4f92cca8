"""A client's frame of records: what is good passes with the session's account, all else is named with its reason."""

import struct
from collections import Counter
from random import Random

import numpy as np
import pytest

from bench.flows import Feed, commands
from bench.flows.commands import Quotes
from fxengine._core import admit
from fxengine.codes import CommandKind, EventKind, GuardAction, RejectReason, RevokeAction, Side
from fxengine.records import RECORD_BYTES
from tests.unit.core.admission import RECORDS_MAX, UNCAPPED, Admitted, expected, frame
from tests.unit.core.trading_floor import FIRST_TRADER, open_floor

ACCOUNT, OTHER = 7, 8
CLIENT_KINDS = (
    CommandKind.NEW_ORDER, CommandKind.CANCEL, CommandKind.AMEND, CommandKind.MASS_CANCEL, CommandKind.MASS_QUOTE
)  # fmt: skip
ALL_KINDS = sum(1 << kind for kind in CLIENT_KINDS)
EVERYTHING = 2**64 - 1
OPEN = (UNCAPPED, UNCAPPED)
CAPPED, PARTIAL = (10, 5), (10, 0)


def admitted(data: bytes, kinds: int = ALL_KINDS, sizes: tuple[int, ...] = OPEN) -> Admitted:
    records, n_commands, refused = admit(data, ACCOUNT, kinds, np.array(sizes, np.int64))
    assert isinstance(records, bytearray)
    return bytes(records), n_commands, refused


def order(instrument: int = 0, lots: int = 3, **more: int) -> bytes:
    more = {"account": 0, "client_order_id": 1, "price_ticks": 5, **more}
    return commands.new_order(instrument=instrument, side=Side.BUY, quantity_lots=lots, **more)


def good(lots: int = 3) -> list[bytes]:
    """One command of each kind that a client may send."""
    return [
        order(lots=lots),
        order(lots=lots, stop_price_ticks=7),
        commands.cancel(0, 2, order_id=2**32 + 1),
        commands.amend(0, 3, orig_client_order_id=1, price_ticks=5, quantity_lots=lots),
        commands.mass_cancel(0, 4),
        commands.mass_cancel(0, 4, instrument=1, side=Side.SELL),
        commands.mass_quote(0, 5, Quotes(0, [(5, lots), (4, 1)], [(6, lots)]), Quotes(1)),
    ]


def test_good_commands_pass_whole_with_the_account_and_without_a_time() -> None:
    sent = good()
    told, n_commands, refused = admitted(frame(commands.at_time(b"".join(sent), 99)))
    stamped = [command[:4] + ACCOUNT.to_bytes(4, "little") + command[8:] for command in sent]
    assert (told, n_commands, refused) == (b"".join(stamped), len(sent), [])


def test_ones_own_account_may_be_written() -> None:
    assert admitted(frame(order(account=ACCOUNT)))[1:] == (1, [])


def test_what_is_admitted_is_what_the_core_takes() -> None:
    floor: Feed = open_floor()
    sent = b"".join(order(client_order_id=number) for number in range(1, 65))
    records, n_commands, _ = admit(frame(sent), FIRST_TRADER, ALL_KINDS, np.array([UNCAPPED], np.int64))
    events = floor.apply(bytes(records))
    assert n_commands == 64
    assert set(events[::96]) == {EventKind.ACCEPTED}


def test_one_bad_command_is_left_out_and_the_others_stay() -> None:
    sent = [order(), order(account=OTHER), *good()[4:], commands.time(5), order(client_order_id=9)]
    told, n_commands, refused = admitted(frame(b"".join(sent)))
    assert refused == [(1, RejectReason.IDENTITY_MISMATCH), (7, RejectReason.UNKNOWN_COMMAND)]
    assert n_commands == 5
    assert told[:64] == order(account=ACCOUNT)
    assert told[-64:] == order(account=ACCOUNT, client_order_id=9)


@pytest.mark.parametrize(
    "command",
    [
        commands.time(1),
        commands.credential(0, "payer-1", permitted=(0,)),
        commands.swap_in(0, 1, 0, 1, 5),
        commands.deposit(0, 1, currency=0, beneficiary=ACCOUNT, amount_units=5),
        commands.withdraw(0, 1, currency=0, beneficiary=ACCOUNT, amount_units=5),
        commands.guard(0, GuardAction.DISCONNECTED),
        commands.revoke(0, 1, RevokeAction.FREEZE, target=ACCOUNT),
        commands.time(1, kind=0),
        commands.time(1, kind=67),
        commands.time(1, kind=255),
    ],
    ids=lambda command: str(command[0]),
)
def test_kinds_that_are_not_for_records_never_pass_whatever_the_mask_says(command: bytes) -> None:
    assert admitted(frame(command), EVERYTHING) == (b"", 0, [(0, RejectReason.UNKNOWN_COMMAND)])


@pytest.mark.parametrize("kind", CLIENT_KINDS)
def test_a_kind_that_is_not_allowed_is_not_in_scope(kind: CommandKind) -> None:
    sent = b"".join(good())
    _, n_commands, refused = admitted(frame(sent), ALL_KINDS & ~(1 << kind))
    assert {reason for _, reason in refused} == {RejectReason.NOT_IN_SCOPE}
    assert {sent[64 * index] for index, _ in refused} == {kind}
    assert n_commands + len(refused) == len(good())


def test_sizes_hold_for_orders_amends_and_each_level_of_quotes() -> None:
    def passes(command: bytes, sizes: tuple[int, ...] = CAPPED) -> bool:
        _, n_commands, refused = admitted(frame(command), sizes=sizes)
        assert refused == ([] if n_commands else [(0, RejectReason.NOT_IN_SCOPE)])
        return n_commands == 1

    assert [passes(order(0, lots)) for lots in (10, 11)] == [True, False]
    assert [passes(order(1, lots)) for lots in (5, 6)] == [True, False]
    assert [passes(order(lots=lots), OPEN) for lots in (2**62, 2**62 + 1, -1)] == [True, True, True]
    assert passes(order(9, 2**62)), "an instrument that is not listed is for the core to refuse"
    assert [passes(order(1, lots), PARTIAL) for lots in (1, 0, -1)] == [False, False, False]
    amends = [commands.amend(0, 1, order_id=1, price_ticks=1, quantity_lots=lots) for lots in (5, 6)]
    assert [passes(amend) for amend in amends] == [True, False], "the smallest size of all"
    assert [passes(amend, PARTIAL) for amend in amends] == [False, False]
    for levels, fits in (([(5, 10), (4, 10)], True), ([(5, 10), (4, 11)], False)):
        assert passes(commands.mass_quote(0, 1, Quotes(0, levels))) == fits
        assert passes(commands.mass_quote(0, 1, Quotes(1), Quotes(0, [], levels[::-1]))) == fits
    assert not passes(commands.mass_quote(0, 1, Quotes(0, [(5, 1)]), Quotes(1)), PARTIAL)
    assert [passes(commands.mass_cancel(0, 1, instrument=i), PARTIAL) for i in (0, 1, 0xFFFF)] == [True, False, False]
    assert passes(commands.cancel(0, 1, order_id=1), PARTIAL), "it only takes risk away"


def test_every_reserved_byte_must_be_zero() -> None:
    for command in good():
        reserved = [at for at in range(24, len(command)) if not admitted(frame(_with_byte(command, at)))[1]]
        named = {
            CommandKind.NEW_ORDER: [29, 30, 31, *range(80, len(command))],
            CommandKind.CANCEL: [*range(24, 32), *range(48, 64)],
            CommandKind.AMEND: [],
            CommandKind.MASS_CANCEL: [*range(25, 64)],
        }.get(CommandKind(command[0]))
        if named is not None:
            assert reserved == named
        else:
            tail = len(command) - 5 * 16  # two sets, three levels
            assert set(reserved) >= {*range(25, 64), *range(68, 80), *range(len(command) - tail + 64, len(command))}


def _with_byte(command: bytes, at: int) -> bytes:
    return command[:at] + bytes([command[at] ^ 0x80]) + command[at + 1 :]


def test_where_a_count_does_not_fit_nothing_behind_it_is_read() -> None:
    for count in (0, 3, 255):
        broken = bytearray(order())
        broken[1] = count
        told, n_commands, refused = admitted(frame(order() + bytes(broken) + order()))
        assert (n_commands, refused) == (1, [(1, RejectReason.UNKNOWN_COMMAND)])
        assert told == order(account=ACCOUNT)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", RejectReason.MALFORMED_FRAME),
        (frame(b"")[:-1], RejectReason.MALFORMED_FRAME),
        (frame(order(), magic=b"\xc1FXQ"), RejectReason.MALFORMED_FRAME),
        (frame(order(), version=2), RejectReason.UNSUPPORTED_VERSION),
        (frame(order(), direction=2), RejectReason.MALFORMED_FRAME),
        (frame(order(), reserved_0=b"\0\1"), RejectReason.MALFORMED_FRAME),
        (frame(order(), reserved_1=b"\1".rjust(52, b"\0")), RejectReason.MALFORMED_FRAME),
        (frame(order(), n_records=2), RejectReason.MALFORMED_FRAME),
        (frame(order(), n_records=0), RejectReason.MALFORMED_FRAME),
        (frame(order(), n_records=2**32 - 1), RejectReason.TOO_MANY_MESSAGES),
        (frame(order() * (RECORDS_MAX + 1)), RejectReason.TOO_MANY_MESSAGES),
        (frame(order()) + b"\0", RejectReason.MALFORMED_FRAME),
    ],
)
def test_a_frame_that_is_none_is_refused_whole(data: bytes, reason: RejectReason) -> None:
    assert admitted(data) == (b"", 0, [(-1, reason)])


def test_the_largest_frame_and_the_empty_one_are_frames() -> None:
    assert admitted(frame(order() * RECORDS_MAX))[1:] == (RECORDS_MAX, [])
    assert admitted(frame(b"")) == (b"", 0, [])


def test_no_instruments_at_all_cap_nothing() -> None:
    assert admitted(frame(b"".join(good())), sizes=())[1:] == (len(good()), [])


def test_what_is_handed_in_must_be_what_it_says() -> None:
    sizes = np.array(OPEN, np.int64)
    with pytest.raises(TypeError):
        admit(bytearray(frame(order())), ACCOUNT, ALL_KINDS, sizes)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="mismatch"):
        admit(frame(order()), ACCOUNT, ALL_KINDS, sizes.astype(np.int32))
    with pytest.raises(OverflowError):
        admit(frame(order()), -1, ALL_KINDS, sizes)


def bent(rng: Random, command: bytes) -> bytes:
    """Change a field, a count or a byte of a command, or nothing."""
    changed = bytearray(command)
    throw = rng.randrange(10)
    if throw == 0:
        changed[0] = rng.choice((*CLIENT_KINDS, *range(14), 255))
    elif throw == 1:
        changed[1] = rng.choice((0, 1, 2, 3, 255))
    elif throw == 2:
        changed[4:8] = rng.choice((ACCOUNT, OTHER, 2**32 - 1)).to_bytes(4, "little")
    elif throw == 3:
        changed[2:4] = rng.choice((0, 1, 2, 0xFFFF)).to_bytes(2, "little")
    elif throw == 4:
        struct.pack_into("<q", changed, rng.choice((40, 48)), rng.choice((-(2**63), -1, 0, 5, 6, 11, 2**62, 2**63 - 1)))
    elif throw < 7:
        changed[rng.randrange(len(changed))] = rng.choice((0, 1, 2, 32, 33, 255))
    return bytes(changed)


def quotes(rng: Random) -> bytes:
    def levels() -> list[tuple[int, int]]:
        return [(rng.randrange(9), rng.choice((1, 5, 6, 10, 11))) for _ in range(rng.choice((0, 1, 2, 31, 32, 33)))]

    sets = [Quotes(rng.choice((0, 0, 1, 2)), levels(), levels()) for _ in range(rng.randrange(4))]
    return commands.mass_quote(0, 5, *sets, n_sets=rng.choice((None, None, None, 0, 4, 255)))


def test_whatever_is_sent_the_answer_is_the_oracles(seed: int) -> None:
    rng, met = Random(seed), Counter[int | str]()
    for _ in range(4_000):
        sent = [bent(rng, rng.choice((*good(rng.choice((3, 5, 10))), quotes(rng)))) for _ in range(rng.randrange(8))]
        data = frame(b"".join(sent))
        if rng.random() < 0.05:
            data = _with_byte(data, rng.randrange(64)) if rng.random() < 0.7 else data[: rng.randrange(len(data))]
        kinds = rng.choice((ALL_KINDS, ALL_KINDS, EVERYTHING, rng.getrandbits(11)))
        sizes = rng.choice((OPEN, CAPPED, PARTIAL, ()))
        told = admitted(data, kinds, sizes)
        assert told == expected(data, ACCOUNT, kinds, sizes), data.hex()
        assert len(told[0]) % RECORD_BYTES == 0
        met.update(reason for _, reason in told[2])
        met["good"] += told[1]
    assert set(met) - {"good"} == {
        RejectReason.MALFORMED_FRAME, RejectReason.UNSUPPORTED_VERSION, RejectReason.TOO_MANY_MESSAGES,
        RejectReason.UNKNOWN_COMMAND, RejectReason.IDENTITY_MISMATCH, RejectReason.NOT_IN_SCOPE,
        RejectReason.BAD_QUOTE_SET,
    }  # fmt: skip
    assert met["good"] > 3_000


def test_random_bytes_behind_a_good_header_do_no_harm(seed: int) -> None:
    rng = Random(seed)
    for _ in range(2_000):
        data = frame(rng.randbytes(RECORD_BYTES * rng.randrange(6)))
        assert admitted(data, EVERYTHING, CAPPED) == expected(data, ACCOUNT, EVERYTHING, CAPPED)
