"""A batch that lets go of the GIL and looks ahead gives what its commands give one by one."""

from random import Random

import numpy as np

from bench.flows.commands import cancel, new_order
from fxengine.codes import Side
from fxengine.records import COMMAND
from tests.unit.core.trading_floor import FIRST_TRADER, open_floor

N_TRADERS = 700  # more than the look-ahead takes to stay in the cache by themselves


def flow(seed: int, n: int) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """Orders around one price and cancels of orders that may or may not be there, by either id."""
    rng = Random(seed)
    used = [0] * N_TRADERS
    commands = []
    for _ in range(n):
        trader = rng.randrange(N_TRADERS)
        account = FIRST_TRADER + trader if rng.random() < 0.99 else 2**32 - 1
        if rng.random() < 0.6 or not used[trader]:
            used[trader] += 1
            price = 1_000 + rng.randint(-20, 20)
            side = rng.choice([*Side])
            commands.append(
                new_order(
                    account, used[trader], instrument=0, side=side, price_ticks=price, quantity_lots=rng.randint(1, 9)
                )
            )
        elif rng.random() < 0.5:
            commands.append(cancel(account, 0, orig_client_order_id=rng.randint(1, used[trader])))
        else:
            commands.append(cancel(account, 0, order_id=rng.choice([1 << 32, 2 << 32]) | rng.randint(0, 2**32 - 1)))
    return np.frombuffer(b"".join(commands), COMMAND)


def test_one_large_batch_equals_single_commands(seed: int) -> None:
    commands = flow(seed, 20_000)
    floors = open_floor(N_TRADERS), open_floor(N_TRADERS)
    singly, at_once = (floor.core for floor in floors)
    singly.bind(commands)
    at_once.bind(commands)
    n_events = at_once.apply(0, len(commands))
    whole = at_once.events[:n_events].tobytes()
    parts = b""
    for i in range(len(commands)):
        n_events = singly.apply(i, i + 1)
        parts += singly.events[:n_events].tobytes()
    assert whole == parts
    assert at_once.state_bytes() == singly.state_bytes()
    at_once.check()
