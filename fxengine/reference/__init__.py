"""The matching core in plain Python: the executable specification.

Clarity comes first here. The compiled core (``fxengine._core``) must give the same events and the
same state, byte for byte, for the same commands; the differential tests compare them, and
``fxengine verify`` replays a venue's journal through this package alone.

Read in this order: ``account`` and ``book`` (what there is), ``state`` (all of it together),
``arcs``, ``paths``, ``steps``, ``splits`` and ``routing`` (how a swap is routed), ``orders``, ``swaps``,
``transfers``, ``credentials``, ``guards`` and ``revocations`` (what each command does), ``queries`` (what may
be asked), ``core`` (time and dispatch),
``canonical`` (the state as bytes) and ``invariants`` (what must hold after every command).
"""

from fxengine.reference.core import Core

__all__ = ["Core"]
