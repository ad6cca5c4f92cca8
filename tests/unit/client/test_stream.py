"""The private stream: every report once, in order, whatever was lost, doubled or came too early."""

import random

from fxengine.client.stream import PrivateStream


class Listener:
    """What a stream delivered and asked for."""

    def __init__(self, start: int) -> None:
        self.heard: list[int] = []
        self.asked: list[tuple[int, int]] = []
        self.stream = PrivateStream[int](self.heard.append, lambda first, last: self.asked.append((first, last)))
        self.stream.start(start)

    def take(self, *numbers: int) -> None:
        for number in numbers:
            self.stream.take(number, number)


def test_what_comes_in_order_is_delivered_and_what_was_heard_before_is_dropped() -> None:
    listener = Listener(5)
    listener.take(6, 7, 6, 5, 7, 8)
    assert (listener.heard, listener.asked, listener.stream.n_missed) == ([6, 7, 8], [], 0)


def test_what_comes_too_early_waits_until_the_gap_was_asked_for_once_and_is_filled() -> None:
    listener = Listener(5)
    listener.take(9, 11, 12)
    assert (listener.heard, listener.asked) == ([], [(6, 8)])
    listener.take(6, 7, 8)
    assert listener.heard == [6, 7, 8, 9]
    listener.stream.asked()
    assert listener.asked == [(6, 8), (10, 10)]
    listener.stream.asked()
    assert listener.stream.n_missed == 1, "10 was in no answer"
    assert listener.heard == [6, 7, 8, 9, 11, 12]


def test_a_second_gap_is_asked_for_when_the_first_is_filled() -> None:
    listener = Listener(1)
    listener.take(3, 5, 2)
    assert listener.asked == [(2, 2)]
    listener.stream.asked()
    assert listener.asked == [(2, 2), (4, 4)]


def test_what_will_not_come_is_counted_and_the_stream_goes_on_behind_it() -> None:
    listener = Listener(5)
    listener.take(9)
    listener.stream.asked()
    listener.take(10)
    assert (listener.heard, listener.stream.n_missed) == ([9, 10], 3)


def test_passing_over_delivers_what_came_early_and_counts_only_the_rest() -> None:
    listener = Listener(5)
    listener.take(8, 9)
    listener.stream.pass_over(11)
    listener.take(12)
    assert (listener.heard, listener.stream.n_missed) == ([8, 9, 12], 4)


def test_number_0_stands_outside_the_stream() -> None:
    listener = Listener(5)
    listener.take(0, 6, 0)
    assert listener.heard == [0, 6, 0]


def test_any_order_with_doubles_delivers_each_once_in_order_when_gaps_are_answered(seed: int) -> None:
    rng = random.Random(seed)
    listener = Listener(0)
    numbers = [n for n in range(1, 200) if rng.random() < 0.7] + [200]
    for n in sorted(numbers, key=lambda n: n + rng.randint(0, 6)):
        listener.take(n, *rng.choices(range(1, n + 1), k=rng.randint(0, 2)))
        while listener.asked and rng.random() < 0.5:
            first, last = listener.asked.pop(0)
            listener.take(*range(first, last + 1))
            listener.stream.asked()
    while listener.asked:
        first, last = listener.asked.pop(0)
        listener.take(*range(first, last + 1))
        listener.stream.asked()
    assert listener.heard == list(range(1, 201))
    assert listener.stream.n_missed == 0
