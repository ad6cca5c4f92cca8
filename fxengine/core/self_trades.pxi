# Self-trade prevention: what happens before two orders of one trade group would trade.
#
# The taker's mode counts, and it acts only on a maker that would be reached now. Example: makers of
# the group buy 6 @ 1.2, the taker sells 2 @ 1:
#
#     EXPIRE_TAKER    the taker ends               EXPIRE_MAKER    the maker ends, the taker goes on
#     EXPIRE_BOTH     both end                     DECREMENT       both lose 2: the maker keeps 4


cdef inline bint same_group(const State* s, u32 one, u32 other) noexcept nogil:
    """Say whether two accounts count as one."""
    cdef u32 group
    if one == other:
        return True
    group = account_at(s, one).trade_group
    return group != 0 and group == account_at(s, other).trade_group


cdef void reduce_order(State* s, Book* book, Account* owner, Order* order, i64 lots) noexcept nogil:
    """Take lots off an open order, resting or incoming; end it when none are left."""
    cdef i64 displayed = 0
    if lots == order.leaves_lots:
        end_order(s, book, owner, order, SELF_TRADE_PREVENTED, 0)
        return
    hold(owner.balances + currency_given(book, order.side), -principal_units(book, order, lots))
    if order.place == IN_BOOK:
        displayed = shrink(s, order, order.leaves_lots - lots)
    else:
        order.leaves_lots -= lots
    emit_reduced(s, owner, order, SELF_TRADE_PREVENTED, lots, displayed, next_number(book) if displayed else 0)


cdef bint prevent(State* s, Book* book, Account* owner, Order* order, Order* maker) noexcept nogil:
    """Act before an incoming order would trade with one of its group; say whether it is over for it."""
    cdef u8 mode = order.self_trade_prevention
    cdef Account* maker_owner = account_at(s, maker.account)
    cdef i64 lots
    if mode == DECREMENT:
        lots = least(order.leaves_lots, maker.leaves_lots)
        reduce_order(s, book, maker_owner, maker, lots)
        reduce_order(s, book, owner, order, lots)
        return False
    if mode != EXPIRE_TAKER:
        end_order(s, book, maker_owner, maker, SELF_TRADE_PREVENTED, 0)
    return mode != EXPIRE_MAKER
