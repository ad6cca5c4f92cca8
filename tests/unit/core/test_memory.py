"""What things cost, and what happens when memory ends; each in a process of its own, which can be measured."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]

PRELUDE = """
import resource, sys
import numpy as np
from bench.flows import Feed
from bench.flows.commands import cancel, credential, mass_cancel, new_order
from fxengine._core import Core
from tests.unit.core.trading_floor import *

def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * resource.getpagesize()
"""


def run(script: str) -> str:
    """Run a script in a fresh interpreter and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + script], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{done.returncode}: {done.stderr}"
    return done.stdout


def test_an_idle_account_costs_less_than_a_kilobyte() -> None:
    cost = run("""
n = 40_000
feed = Feed(Core(instruments(), n_currencies=10))
feed.apply(credential(2, "first", permitted=CURRENCIES))
before = resident()
for number in range(3, 3 + n):
    feed.apply(credential(number, "same", permitted=CURRENCIES))
assert feed.core.n_accounts == 3 + n
print((resident() - before) // n)
""")
    assert 200 < int(cost) < 1024


def test_an_empty_instrument_costs_next_to_nothing() -> None:
    cost = run("""
small = Core(instruments(1), n_currencies=2)
before = resident()
large = Core(instruments(60_000), n_currencies=2)
print((resident() - before) // 60_000)
""")
    assert int(cost) < 512


def test_leaves_of_far_prices_are_used_again() -> None:
    grown = run("""
floor = open_floor(window=2**20)
price, number = 1, 0
def walk(n):
    global price, number
    for _ in range(n):
        price, number = (price * 48_271) % (2**31 - 1), number + 1
        floor.apply(new_order(FIRST_TRADER, number, instrument=0, side=1, price_ticks=price, quantity_lots=1))
        floor.apply(cancel(FIRST_TRADER, 0, orig_client_order_id=number))
walk(5_000)
before = resident()
walk(40_000)
floor.core.check()
print((resident() - before) // 40_000)
""")
    assert int(grown) < 200, "bytes kept per order that came and went; a leaf has two thousand"


def test_a_mass_cancel_keeps_nothing_of_what_it_looked_through() -> None:
    grown = run("""
floor = open_floor(window=2**20)
for number in range(1, 2_001):
    floor.apply(new_order(FIRST_TRADER, number, instrument=0, side=1, price_ticks=number, quantity_lots=1))
def look(first, last):
    for number in range(first, last):
        floor.apply(mass_cancel(FIRST_TRADER, number, side=2))
look(2_001, 2_101)
before = resident()
look(2_101, 3_101)
assert floor.core.n_orders == 2_000
print((resident() - before) // 1_000)
""")
    assert int(grown) < 4_000, "bytes kept per mass cancel; a list of these orders has 32 thousand"


def test_a_core_that_finds_no_address_space_says_so() -> None:
    said = run("""
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
try:
    Core(instruments(), n_currencies=2, max_orders=2**31 - 1)
except MemoryError as e:
    print(e)
""")
    assert "no address space for 2147483647 orders" in said


def test_memory_that_ends_within_a_command_is_an_error_and_the_core_stays_closed() -> None:
    said = run("""
floor = open_floor(window=2**20)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limit = used + (16 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
number = 0
try:
    while number < 2**20:
        number += 1
        floor.apply(new_order(FIRST_TRADER, number, instrument=0, side=1, price_ticks=number * 2_000, quantity_lots=1))
except MemoryError as e:
    print(e)
for ask in (floor.core.state_bytes, floor.core.check, lambda: floor.core.apply(0, 1), lambda: floor.core.balance(0, 0)):
    try:
        ask()
    except MemoryError as e:
        print("again")
""")
    assert "rebuild the core from the journal" in said
    assert said.count("again") == 4
