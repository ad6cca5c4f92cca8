# Events: the only way out of the core, 96 bytes each, written straight into the caller's array.
#
# Every order finds room for all events it can make (3 * max_fills + 32: ACCEPTED or TRIGGERED, per
# trade two FILLs and an iceberg's RESTED, its own RESTED; or the legs' FILLs, at most 24 SWAP_LEGs, 3 SWAP_PATHs,
# SWAPPED and RECEIVED), so nothing here checks for space. What may make more (a credential's end, a mass cancel, a mass quote,
# triggered stops) asks for its own room first, at a safe point.
# Each event takes the next number of its account's private stream; one to a number that is not a
# client's account has none.

cdef enum:
    EVENTS_PER_FILL = 3
    EVENTS_BESIDE_FILLS = 32


cdef inline Event* event_to(
    State* s, Account* owner, u32 account, u8 kind, u8 side, u16 reason, u16 subject, u8 status, u8 flags,
    u32 counterparty,
) noexcept nogil:
    """Begin the next event; ``owner`` is NULL where ``account`` is no client's. The body is the caller's."""
    cdef Event* event = s.events + s.n_events
    cdef u64 number = 0
    s.n_events += 1
    if likely(owner != NULL):
        number = owner.stream + 1
        owner.stream = number
    # The small fields as two words: as many stores as the rest of the event has.
    (<u64*>&event.kind)[0] = (
        <u64>kind | <u64>side << 8 | <u64>reason << 16 | <u64>subject << 32 | <u64>status << 48 | <u64>flags << 56
    )
    (<u64*>&event.account)[0] = <u64>account | <u64>counterparty << 32
    event.sequence = s.sequence
    event.account_stream = number
    return event


cdef inline void emit_order(
    State* s, Account* owner, const Order* order, u8 kind, u8 status, u8 flags, u32 counterparty, u64 order_id,
    i64 price_ticks, i64 quantity_lots, i64 leaves_lots, i64 cum_lots, i64 fee_units, u64 instrument_stream,
) noexcept nogil:
    """Tell an account what became of its order (ACCEPTED, FILL, RESTED, TRIGGERED).

    What was just written to the order is passed along: reading it back pairwise would stall.
    """
    cdef Event* event = event_to(
        s, owner, order.account, kind, order.side, NONE, order.instrument, status, flags, counterparty
    )
    event.order_id = order_id
    event.client_order_id = order.client_order_id
    event.price_ticks = price_ticks
    event.quantity_lots = quantity_lots
    event.leaves_lots = leaves_lots
    event.cum_lots = cum_lots
    event.fee_units = fee_units
    event.instrument_stream = instrument_stream


cdef inline void emit_reduction(
    State* s, Account* owner, const Order* order, u8 kind, u8 flags, u8 status, u16 reason, i64 quantity_lots,
    i64 displayed_lots, u64 request_id, u64 instrument_stream,
) noexcept nogil:
    """Tell an account that its order ended before it was filled (CANCELED)."""
    cdef CancelEvent* event = <CancelEvent*>event_to(
        s, owner, order.account, kind, order.side, reason, order.instrument, status, flags, 0
    )
    event.order_id = order_id_of(s, order)
    event.client_order_id = order.client_order_id
    event.price_ticks = order.price_ticks
    event.quantity_lots = quantity_lots
    event.displayed_lots = displayed_lots
    event.cum_lots = order.cum_lots
    event.request_id = request_id
    event.instrument_stream = instrument_stream


cdef void emit_reduced(
    State* s, Account* owner, const Order* order, u16 reason, i64 quantity_lots, i64 displayed_lots,
    u64 instrument_stream,
) noexcept nogil:
    """Tell an account that its order lost a part before it was filled (REDUCED)."""
    cdef ReduceEvent* event = <ReduceEvent*>event_to(
        s, owner, order.account, EVENT_REDUCED, order.side, reason, order.instrument, open_status(order),
        FLAG_BOOK if displayed_lots else 0, 0,
    )
    event.order_id = order_id_of(s, order)
    event.client_order_id = order.client_order_id
    event.price_ticks = order.price_ticks
    event.quantity_lots = quantity_lots
    event.displayed_lots = displayed_lots
    event.cum_lots = order.cum_lots
    event.leaves_lots = order.leaves_lots
    event.instrument_stream = instrument_stream


cdef void emit_replaced(
    State* s, Account* owner, const Order* order, u32 old_price_ticks, i64 displayed_lots, u64 instrument_stream
) noexcept nogil:
    """Tell an account its order's new price and quantity, and what the displayed book lost at the old price."""
    cdef ReplaceEvent* event = <ReplaceEvent*>event_to(
        s, owner, order.account, EVENT_REPLACED, order.side, NONE, order.instrument, open_status(order),
        FLAG_BOOK if displayed_lots else 0, old_price_ticks,
    )
    event.order_id = order_id_of(s, order)
    event.client_order_id = order.client_order_id
    event.price_ticks = order.price_ticks
    event.quantity_lots = order.cum_lots + order.leaves_lots
    event.leaves_lots = order.leaves_lots
    event.cum_lots = order.cum_lots
    event.displayed_lots = displayed_lots
    event.instrument_stream = instrument_stream


cdef void emit_rejected(
    State* s, const Command* command, u8 kind, u16 subject, u16 reason, u64 client_order_id, u64 order_id,
    u64 request_id,
) noexcept nogil:
    """Tell an account that its command was refused (REJECTED)."""
    cdef CancelEvent* event = <CancelEvent*>event_to(
        s, client_at(s, command.account), command.account, EVENT_REJECTED, kind, reason, subject, REJECTED, 0, 0
    )
    event.order_id = order_id
    event.client_order_id = client_order_id
    event.price_ticks = event.quantity_lots = event.displayed_lots = event.cum_lots = 0
    event.request_id = request_id
    event.instrument_stream = 0


cdef void emit_status(
    State* s, Account* owner, const Command* command, const Remembered* entry, u8 status, i64 notional_units,
    i64 quantity_lots, i64 leaves_lots, i64 done,
) noexcept nogil:
    """Answer a repeated command with its outcome so far (ORDER_STATUS)."""
    cdef StatusEvent* event = <StatusEvent*>event_to(
        s, owner, command.account, EVENT_ORDER_STATUS, entry.kind, entry.reason, command.instrument, status, 0, 0
    )
    event.order_id = entry.order_id
    event.client_order_id = command.client_order_id
    event.notional_units = notional_units
    event.quantity_lots = quantity_lots
    event.leaves_lots = leaves_lots
    event.cum_lots = done
    event.original_sequence = entry.sequence
    event.instrument_stream = 0


cdef MoneyEvent* emit_money(
    State* s, Account* owner, u32 account, u8 kind, u16 currency, i64 amount_units, u32 counterparty,
    u64 client_order_id,
) noexcept nogil:
    """Tell an account that money moved (RECEIVED, DEPOSITED ...), is held or free again, or was moved (DONE).

    Returns the event, for its withdrawal or external id to be written where it has one.
    """
    cdef MoneyEvent* event = <MoneyEvent*>event_to(s, owner, account, kind, 0, NONE, currency, NEW, 0, counterparty)
    event.withdrawal = 0
    event.client_order_id = client_order_id
    event.reserved_0 = 0
    event.amount_units = amount_units
    memset(event.external_id, 0, sizeof(event.external_id) + sizeof(event.reserved_1))
    event.instrument_stream = 0
    return event


cdef SwapEvent* emit_swap(State* s, Account* owner, const Swap* command, u8 kind, u32 payee) noexcept nogil:
    """Give the payer the receipt of an instant swap (SWAPPED), or what a path would have given (SWAP_PATH).

    Returns the event, for its amounts to be written.
    """
    cdef SwapEvent* event = <SwapEvent*>event_to(
        s, owner, command.account, kind, 0, NONE, command.instrument, FILLED, 0, payee
    )
    memset(event.path, 0, sizeof(event.path) + sizeof(event.n_legs))
    event.client_order_id = command.client_order_id
    event.singles = 0
    event.currency_out = command.currency_out
    event.mode = command.mode
    memset(event.reserved, 0, sizeof(event.reserved))
    return event


cdef void emit_swap_leg(
    State* s, Account* owner, const Swap* command, const Arc* arc, const Leg* leg, i64 change_units
) noexcept nogil:
    """Tell the payer what an instant swap did in one book (SWAP_LEG)."""
    cdef SwapLegEvent* event = <SwapLegEvent*>event_to(
        s, owner, command.account, EVENT_SWAP_LEG, <u8>arc.side, NONE, <u16>arc.instrument, FILLED,
        FLAG_TAKER | FLAG_SWAP, 0,
    )
    event.fills = fills_of(leg)
    event.client_order_id = command.client_order_id
    event.spent_units = leg.spent_units
    event.received_units = leg.gross_units
    event.change_units = change_units
    event.quantity_lots = leg.lots
    event.fee_units = leg.gross_units - net_of(arc, leg.gross_units)
    event.instrument_stream = 0


cdef void emit_quoted(State* s, Account* owner, u32 account, u16 instrument, u64 request_id, i64 levels) noexcept nogil:
    """Tell a maker that a set of its mass quote stands (QUOTED)."""
    cdef Event* event = event_to(s, owner, account, EVENT_QUOTED, 0, NONE, instrument, NEW, 0, 0)
    event.order_id = 0
    event.client_order_id = request_id
    event.price_ticks = 0
    event.quantity_lots = levels
    event.leaves_lots = event.cum_lots = event.fee_units = 0
    event.instrument_stream = 0


cdef void emit_credentialed(State* s, Account* owner, u32 account) noexcept nogil:
    """Tell an account that its credential stands, its highest client id and its window (CREDENTIALED)."""
    cdef Event* event = event_to(s, owner, account, EVENT_CREDENTIALED, 0, NONE, 0, NEW, 0, 0)
    event.order_id = 0
    event.client_order_id = owner.client_id_highest
    event.price_ticks = 0
    event.quantity_lots = owner.window
    event.leaves_lots = event.cum_lots = event.fee_units = 0
    event.instrument_stream = 0


cdef void emit_told(
    State* s, Account* owner, u32 account, u8 kind, u8 action, u16 reason, u16 subject, i64 setting
) noexcept nogil:
    """Tell an account what was decided, beside any order."""
    cdef Event* event = event_to(s, owner, account, kind, action, reason, subject, NEW, 0, 0)
    event.order_id = event.client_order_id = 0
    event.price_ticks = 0
    event.quantity_lots = setting
    event.leaves_lots = event.cum_lots = event.fee_units = 0
    event.instrument_stream = 0


cdef void emit_guarded(State* s, Account* owner, u32 account, u8 action, u16 reason, i64 setting) noexcept nogil:
    """Tell an account that a guard was set, and to what, or acted, and why (GUARDED)."""
    emit_told(s, owner, account, EVENT_GUARDED, action, reason, 0, setting)


cdef void emit_revoked(State* s, Account* owner, u32 account, u8 action, u16 reason) noexcept nogil:
    """Tell an account that it was frozen or released, or that its token was revoked (REVOKED)."""
    emit_told(s, owner, account, EVENT_REVOKED, action, reason, 0, 0)


cdef void emit_controlled(State* s, Account* owner, u32 account, u8 mode, u16 currency, u8 scope) noexcept nogil:
    """Tell who said it that the venue or a currency was opened or closed (CONTROLLED)."""
    emit_told(s, owner, account, EVENT_CONTROLLED, mode, NONE, currency, scope)


cdef void emit_busted(
    State* s, const Bust* command, u32 account, u32 other, u8 side, u8 flags, i64 fee_units
) noexcept nogil:
    """Tell an account that a trade of it was undone (BUSTED)."""
    cdef BustEvent* event = <BustEvent*>event_to(
        s, account_at(s, account), account, EVENT_BUSTED, side, NONE, command.instrument, NEW, flags, other
    )
    event.trade_number = command.number
    event.client_order_id = 0
    event.price_ticks = command.price_ticks
    event.quantity_lots = command.quantity_lots
    event.reserved_0 = event.reserved_1 = 0
    event.fee_units = fee_units
    event.instrument_stream = 0
