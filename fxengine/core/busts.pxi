# Busts: an operator undoes a trade, both legs and both fees in one command.
#
# The core keeps no trades, so the command says what the trade was, as the ledger has it; an audit holds the
# two against each other. Nothing cascades: orders keep their CumQty, later trades stand. What has been
# spent or held since cannot be taken back, so a bust that would overdraw anybody is refused.
#
# Which trades were undone is never forgotten (known_ids.pxi). A trade's id there is its instrument and its
# number, big-endian, so that ids ascend as trades do.

cdef enum:
    MOVES_MAX = 8

cdef struct Moves:  # what undoing a trade gives: each balance once
    Balance* balances[MOVES_MAX]
    i64 units[MOVES_MAX]
    u32 n


cdef void name_trade(u16 instrument, u64 number, KnownId* name) noexcept nogil:
    """Write a trade's id."""
    cdef u32 i
    for i in range(8):
        name.hash[7 - i] = <u8>(<u64>instrument >> 8 * i)
        name.hash[15 - i] = <u8>(number >> 8 * i)


cdef void move(Moves* moves, Balance* balance, i64 units) noexcept nogil:
    """Add to what a balance is given.

    Principals come first. Of one account that traded with itself they cancel each other; else a balance has one, and
    a fee of it that is no larger and of the other sign. So no sum leaves int64.
    """
    cdef u32 i
    for i in range(moves.n):
        if moves.balances[i] == balance:
            moves.units[i] += units
            return
    moves.balances[moves.n] = balance
    moves.units[moves.n] = units
    moves.n += 1


cdef int bust_refusal(
    State* s, const Account* operator_account, const Bust* command, const BustDetail* fees, i64* base_units, i64* quote_units
) noexcept nogil:
    """Return the first reason but the funds, in this order; and the trade's two principals, if there is none."""
    cdef Book* book
    cdef KnownId name
    cdef bint maker_buys = command.maker_side == BUY
    cdef i64 to_maker
    cdef i64 to_taker
    cdef int reason
    if not is_operator(s, operator_account):
        return bar_or(operator_account, NOT_AUTHORIZED)
    if command.instrument >= s.n_instruments:
        return UNKNOWN_INSTRUMENT
    book = s.books + command.instrument
    if command.maker_side != BUY and command.maker_side != SELL:
        return BAD_SIDE
    reason = size_refusal(book, command.price_ticks, command.quantity_lots, quote_units, base_units)
    if reason != NONE:
        return reason
    if client_at(s, command.maker) == NULL or client_at(s, command.taker) == NULL:
        return UNKNOWN_ACCOUNT
    to_maker = base_units[0] if maker_buys else quote_units[0]
    to_taker = quote_units[0] if maker_buys else base_units[0]
    if fees.maker_fee_units < -to_taker or fees.maker_fee_units > to_maker:
        return AMOUNT_OUT_OF_RANGE
    if fees.taker_fee_units < 0 or fees.taker_fee_units > to_taker:
        return AMOUNT_OUT_OF_RANGE
    if command.number < 1 or command.number > book.stream:
        return UNKNOWN_TRADE
    name_trade(command.instrument, command.number, &name)
    return TRADE_BUSTED if is_known(&s.busted, name.hash) else NONE


cdef void gather_moves(
    State* s, const Bust* command, const BustDetail* fees, i64 base_units, i64 quote_units, Moves* moves
) noexcept nogil:
    """Add up what undoing the trade gives everybody."""
    cdef Book* book = s.books + command.instrument
    cdef bint maker_buys = command.maker_side == BUY
    cdef Balance* maker = account_at(s, command.maker).balances
    cdef Balance* taker = account_at(s, command.taker).balances
    cdef Balance* buyer = maker if maker_buys else taker
    cdef Balance* seller = taker if maker_buys else maker
    cdef u32 quote = currency_given(book, BUY)
    cdef u32 base = currency_given(book, SELL)
    cdef u32 maker_got = base if maker_buys else quote
    cdef u32 taker_got = quote if maker_buys else base
    # A rebate was paid in the currency that the maker gave, which is the one that the taker received.
    cdef u32 fee_currency = maker_got if fees.maker_fee_units >= 0 else taker_got
    moves.n = 0
    move(moves, buyer + base, -base_units)
    move(moves, seller + base, base_units)
    move(moves, buyer + quote, quote_units)
    move(moves, seller + quote, -quote_units)
    move(moves, maker + fee_currency, fees.maker_fee_units)
    move(moves, s.fees + fee_currency, -fees.maker_fee_units)
    move(moves, taker + taker_got, fees.taker_fee_units)
    move(moves, s.fees + taker_got, -fees.taker_fee_units)


cdef int bust(State* s, Account* operator_account, const Bust* command, Remembered* entry) noexcept nogil:
    """Undo a trade; return why it was refused, or NONE."""
    cdef const BustDetail* fees = <const BustDetail*>(command + 1)
    cdef u8 taker_side = SELL if command.maker_side == BUY else BUY
    cdef i64 base_units = 0
    cdef i64 quote_units = 0
    cdef int reason = bust_refusal(s, operator_account, command, fees, &base_units, &quote_units)
    cdef KnownId name
    cdef Moves moves
    cdef u32 i
    if reason != NONE:
        return reason
    gather_moves(s, command, fees, base_units, quote_units, &moves)
    for i in range(moves.n):
        if moves.units[i] < 0 and moves.balances[i].available_units < -moves.units[i]:
            return INSUFFICIENT_FUNDS
    name_trade(command.instrument, command.number, &name)
    if add_known(&s.busted, name.hash) != NONE:
        return OUT_OF_MEMORY
    for i in range(moves.n):
        moves.balances[i].available_units += moves.units[i]
    entry.status = FILLED
    write_totals(operator_account, command.client_order_id, 1, 0)
    emit_busted(s, command, command.maker, command.taker, command.maker_side, FLAG_MAKER, fees.maker_fee_units)
    emit_busted(s, command, command.taker, command.maker, taker_side, FLAG_TAKER, fees.taker_fee_units)
    emit_money(
        s, operator_account, command.account, EVENT_DONE, command.instrument, 1, 0, command.client_order_id
    )
    return NONE
