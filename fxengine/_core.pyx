"""The matching core, compiled: a table of contents.

One deterministic state machine in one translation unit, so that the compiler sees all of the hot
path. Commands come in as fixed records, events go out as fixed records, and nothing between is a
Python object. The executable specification is ``fxengine.reference``: same events, same state,
byte for byte. ``_core.pxd`` is the data dictionary; ``docs/core.md`` tells how it is laid out and why.
"""

cimport cython

# What it counts with and where it keeps things.
include "core/arithmetic.pxi"
include "core/memory.pxi"
include "core/records.pxi"

# What there is: orders, prices, books, accounts, the ids that clients have used.
include "core/order_pool.pxi"
include "core/price_ladder.pxi"
include "core/book.pxi"
include "core/icebergs.pxi"
include "core/client_ids.pxi"
include "core/known_ids.pxi"
include "core/accounts.pxi"

# What happens: events, trades, and each kind of command.
include "core/events.pxi"
include "core/matching.pxi"
include "core/self_trades.pxi"
include "core/closing.pxi"
include "core/stops.pxi"
include "core/endings.pxi"
include "core/guards.pxi"
include "core/timers.pxi"
include "core/orders.pxi"
include "core/amends.pxi"
include "core/quotes.pxi"
include "core/rates.pxi"
include "core/arcs.pxi"
include "core/paths.pxi"
include "core/residuals.pxi"
include "core/splits.pxi"
include "core/routing.pxi"
include "core/swaps.pxi"
include "core/credentials.pxi"
include "core/transfers.pxi"
include "core/revocations.pxi"
include "core/withdrawals.pxi"
include "core/controls.pxi"
include "core/busts.pxi"
include "core/fee_payouts.pxi"
include "core/look_ahead.pxi"
include "core/dispatch.pxi"

# What can be said of it: its bytes, its invariants, its snapshots, and the class that Python sees.
include "core/canonical.pxi"
include "core/canonical_standing.pxi"
include "core/state_image.pxi"
include "core/invariants_standing.pxi"
include "core/invariants.pxi"
include "core/queries.pxi"
include "core/restoring.pxi"
include "core/restoring_books.pxi"
include "core/restoring_standing.pxi"
include "core/snapshot.pxi"
include "core/interface.pxi"

# Before a command comes: the records of a client, checked where they arrive.
include "core/admit.pxi"
