# Looking ahead: while one command is applied, the memory that later ones of its batch need is fetched.
#
# The core waits for memory or it waits for nothing, so this is half of its speed. Each step follows
# from what the step before it brought into the cache:
#
#     command  i+28  account, balance  ->  i+22  place in the ring  ->  i+16  what its client id left behind
#              ->  i+8  the order that this names  ->  i+3  the order's neighbours, and its balance
#
# Far enough ahead for memory that no cache holds, at some forty nanoseconds a command. What a step
# finds is handed to the next in short arrays. All of it only reads, and only within what the core
# owns (nothing is ever unmapped), so what it sees may be out of date but never wild.
#
# It does not branch on what kind of command comes, since that cannot be predicted: a new order is
# looked up like a cancel, finds no order, and fetches slot 0. Behind a batch's end its last command is
# looked up again. Where there are few accounts, they and their balances stay in the cache by themselves.
#
# A taker cannot be foreseen so; but whoever comes next will meet the order that the last one left at the
# front, so that one and what a fill of it writes are fetched as soon as a match has ended.

cdef enum:
    ACCOUNTS_CACHED = 512  # so few accounts stay in the cache by themselves
    AHEAD_ACCOUNT = 28
    AHEAD_PLACE = 22
    AHEAD_ENTRY = 16
    AHEAD_ORDER = 8
    AHEAD_NEIGHBOURS = 3
    AHEAD_MASK = 31  # of the arrays: at least the steps between finding and using

cdef struct Ahead:
    # By the command's index:
    const Place* places[AHEAD_MASK + 1]  # of its client id's segment
    const Remembered* entries[AHEAD_MASK + 1]
    u32 ids[AHEAD_MASK + 1]  # its client id within the segment
    u32 slots[AHEAD_MASK + 1]  # of the order; 0: none or not known yet
    Place nowhere
    Remembered nothing


cdef extern from *:
    """
    /* By CommandKind: where a command names its order, in words from its client_order_id. The id at
       fx_id_words is the order's (the command's own where it names none); at fx_order_words, masked by
       fx_order_masks, an OrderID. CANCEL is 4, AMEND is 8. */
    static const uint8_t fx_id_words[16] = {0, 0, 0, 0, 4, 0, 0, 0, 3};
    static const uint8_t fx_order_words[16] = {0, 0, 0, 0, 3, 0, 0, 0, 2};
    static const uint64_t fx_order_masks[16] = {0, 0, 0, 0, ~(uint64_t)0, 0, 0, 0, ~(uint64_t)0};
    """
    const u8 ID_WORDS "fx_id_words"[16]
    const u8 ORDER_WORDS "fx_order_words"[16]
    const u64 ORDER_MASKS "fx_order_masks"[16]


cdef inline u64 id_wanted(const Command* command) noexcept nogil:
    """Return the client id of the order that a command makes or names."""
    return (&command.client_order_id)[ID_WORDS[command.kind & 15]]


cdef inline u64 order_wanted(const Command* command) noexcept nogil:
    """Return the OrderID that a command names, or 0."""
    return (&command.client_order_id)[ORDER_WORDS[command.kind & 15]] & ORDER_MASKS[command.kind & 15]


cdef inline Py_ssize_t sooner(Py_ssize_t i, Py_ssize_t last) noexcept nogil:
    """Return a record's index, or the last one's behind the end."""
    return i if i < last else last - 1


cdef inline const Account* account_of(const State* s, const Command* command) noexcept nogil:
    """Return a command's account; the first where it names none."""
    return account_at(s, command.account if likely(command.account < s.n_accounts) else 0)


cdef inline void look_for_account(const State* s, const Command* command) noexcept nogil:
    """Fetch an account's first line, and the balance that an order is paid from."""
    cdef const Account* account = account_of(s, command)
    prefetch(account)
    if likely(command.instrument < s.n_instruments):
        prefetch(
            balances_at(s, account - s.accounts) + s.books[command.instrument].given[(command.side ^ BUY) & 1]
        )


cdef inline void look_for_place(const State* s, Ahead* ahead, const Command* command, Py_ssize_t i) noexcept nogil:
    """Fetch where a ring tells the segment of a client id, and note the OrderID where a command gives it."""
    cdef u64 client_order_id = id_wanted(command)
    cdef const Place* place = place_of(account_of(s, command), client_order_id)
    cdef u32 given = <u32>order_wanted(command)
    prefetch(place)
    ahead.places[i & AHEAD_MASK] = place
    ahead.ids[i & AHEAD_MASK] = client_order_id % SEGMENT_IDS
    # An id that was never given out must not be followed, whichever step comes to this number next.
    ahead.slots[i & AHEAD_MASK] = given if likely(given <= s.orders_used) else 0


cdef inline void look_for_entry(Ahead* ahead, Py_ssize_t i) noexcept nogil:
    """Fetch where a client id is remembered."""
    cdef const Segment* segment = ahead.places[i & AHEAD_MASK].segment
    cdef const Remembered* entry = &ahead.nothing
    if likely(segment != NULL):
        entry = &segment.ids[ahead.ids[i & AHEAD_MASK]]
    prefetch(entry)
    ahead.entries[i & AHEAD_MASK] = entry


cdef inline void look_for_order(const State* s, Ahead* ahead, Py_ssize_t i) noexcept nogil:
    """Fetch the order that a cancel or an amend will find."""
    cdef u32 slot = ahead.slots[i & AHEAD_MASK]
    if likely(slot == 0):
        slot = <u32>ahead.entries[i & AHEAD_MASK].order_id
    ahead.slots[i & AHEAD_MASK] = slot
    prefetch(s.orders + slot)


cdef inline void look_for_neighbours(const State* s, const Ahead* ahead, Py_ssize_t i, bint many) noexcept nogil:
    """Fetch what an order that leaves its queue is linked to, and the balance that gets its hold back."""
    cdef const Order* order = s.orders + ahead.slots[i & AHEAD_MASK]
    prefetch(s.orders + order.prev)
    prefetch(s.orders + order.next)
    if many:
        prefetch(balances_at(s, order.account) + s.books[order.instrument].given[(order.side ^ BUY) & 1])


cdef inline void look_for_outcome(const State* s, const Order* order) noexcept nogil:
    """Fetch where the outcome of an order will be written when it has been filled."""
    cdef const Segment* segment = place_of(account_at(s, order.account), order.client_order_id).segment
    if likely(segment != NULL):
        prefetch(&segment.ids[order.client_order_id % SEGMENT_IDS])
        prefetch(&segment.totals[order.client_order_id % SEGMENT_IDS])


cdef inline void look_for_maker(State* s, const Order* order) noexcept nogil:
    """Fetch the order that the next taker of a side will meet: it has often stood for long."""
    prefetch(order)
    s.met_next = slot_of(s, order)


cdef void look_behind_maker(State* s) noexcept nogil:
    """One command later, fetch what a fill of that order will touch."""
    cdef const Order* order = s.orders + s.met_next
    s.met_next = 0
    prefetch(s.orders + order.next)
    prefetch(account_at(s, order.account))
    look_for_outcome(s, order)


cdef inline void take_steps(
    const State* s, Ahead* ahead, const Command* records, Py_ssize_t i, Py_ssize_t last, bint many
) noexcept nogil:
    """Take each step for one command behind record ``i``."""
    cdef Py_ssize_t at
    if many:
        look_for_account(s, records + sooner(i + AHEAD_ACCOUNT, last))
    at = sooner(i + AHEAD_PLACE, last)
    look_for_place(s, ahead, records + at, at)
    look_for_entry(ahead, sooner(i + AHEAD_ENTRY, last))
    look_for_order(s, ahead, sooner(i + AHEAD_ORDER, last))
    look_for_neighbours(s, ahead, sooner(i + AHEAD_NEIGHBOURS, last), many)


cdef inline void look_ahead(
    const State* s, Ahead* ahead, const Command* records, Py_ssize_t i, Py_ssize_t last, bint many
) noexcept nogil:
    """Take the steps; compiled twice, so that only a batch's last commands are looked at for its end."""
    if likely(i + AHEAD_ACCOUNT < last):
        take_steps(s, ahead, records, i, INT64_LARGEST, many)
    else:
        take_steps(s, ahead, records, i, last, many)


cdef void begin_looking(
    const State* s, Ahead* ahead, const Command* records, Py_ssize_t first, Py_ssize_t last, bint many
) noexcept nogil:
    """Take the steps for a batch's first commands, each step for all of them at once."""
    cdef Py_ssize_t i
    for i in range(AHEAD_MASK + 1):
        ahead.places[i] = &ahead.nowhere
        ahead.entries[i] = &ahead.nothing
    memset(ahead.slots, 0, sizeof(ahead.slots))
    memset(&ahead.nowhere, 0, sizeof(Place))
    memset(&ahead.nothing, 0, sizeof(Remembered))
    if many:
        for i in range(first, sooner(first + AHEAD_ACCOUNT, last)):
            look_for_account(s, records + i)
    for i in range(first, sooner(first + AHEAD_PLACE, last)):
        look_for_place(s, ahead, records + i, i)
    for i in range(first, sooner(first + AHEAD_ENTRY, last)):
        look_for_entry(ahead, i)
    for i in range(first, sooner(first + AHEAD_ORDER, last)):
        look_for_order(s, ahead, i)
    for i in range(first, sooner(first + AHEAD_NEIGHBOURS, last)):
        look_for_neighbours(s, ahead, i, many)
