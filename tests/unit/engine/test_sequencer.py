import random

import numpy as np
import pytest

from fxengine.codes import CommandKind
from fxengine.engine.sequencer import Sequencer, spans
from fxengine.records import COMMAND, Records
from tests.unit.engine.flow import credential, time_commands


def one_of(n_records: int, kind: int, filler: int) -> Records:
    command = np.frombuffer(bytearray([filler]) * (64 * n_records), COMMAND)
    command["kind"][0], command["n_records"][0] = kind, n_records
    return command


def test_spans_are_whole_commands_in_order_within_the_limit_and_a_credential_is_alone(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(300):
        sizes = [rng.choice((1, 1, 1, 1, 2, 3, 255)) for _ in range(rng.randint(1, 40))]
        kinds = [rng.choice((1, 2, 3)) for _ in sizes]
        commands = np.concatenate([one_of(n, k, rng.randrange(256)) for n, k in zip(sizes, kinds, strict=True)])
        starts = [0, *np.cumsum(sizes).tolist()]
        commands_max = rng.choice((1, 2, 5, 1000))
        cuts = list(spans(commands, limit=255, commands_max=commands_max))
        assert [c.first for c in cuts] == [0] + [c.last for c in cuts[:-1]]
        assert cuts[-1].last == len(commands)
        heads = [c.first + h for c in cuts for h in (range(c.n_commands) if c.heads is None else c.heads.tolist())]
        assert heads == starts[:-1]
        assert all(1 <= c.last - c.first <= 255 for c in cuts)
        assert all(1 <= c.n_commands <= commands_max for c in cuts)
        alone = [starts[i] for i, (n, k) in enumerate(zip(sizes, kinds, strict=True)) if k == 2 and n > 1]
        assert [c.first for c in cuts if c.is_credential] == alone
        assert all(c.n_commands == 1 for c in cuts if c.is_credential)


def test_a_run_without_credentials_is_cut_only_where_the_limit_asks() -> None:
    commands = np.concatenate([time_commands(200), one_of(100, CommandKind.TIME, 0), time_commands(300)])
    assert [(c.first, c.last) for c in spans(commands, limit=255)] == [(0, 200), (200, 455), (455, 600)]
    assert [(c.first, c.last) for c in spans(time_commands(600), limit=255)] == [(0, 255), (255, 510), (510, 600)]
    assert [(c.first, c.last) for c in spans(time_commands(5), commands_max=2)] == [(0, 2), (2, 4), (4, 5)]
    assert list(spans(time_commands(0))) == []


@pytest.mark.parametrize(("place", "n_records"), [(0, 0), (2, 0), (2, 2), (0, 4)])
def test_records_that_are_not_whole_commands_are_misuse(place: int, n_records: int) -> None:
    commands = time_commands(3)
    commands["n_records"][place] = n_records
    with pytest.raises(ValueError, match=f"record {place}: a command of {n_records} records"):
        list(spans(commands))


def test_a_span_is_loaded_with_its_heads_stamped_and_nothing_else_changed() -> None:
    sequencer = Sequencer(lambda: 50)
    commands = np.concatenate([time_commands(2), credential("payer-1"), time_commands(1)])
    for span in spans(commands):
        sequencer.load(commands, span, 99)
        expected = commands[span.first : span.last].copy()
        expected["time_ns"][0 if span.is_credential else slice(None)] = 99
        assert sequencer.buffer[: len(expected)].tobytes() == expected.tobytes()
    assert sequencer.now_ns() == 99
