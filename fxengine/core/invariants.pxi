# What must hold after every command, each as a function that names itself when it fails.
#
# The first six are the specification's (fxengine/reference/invariants.py); the others hold the
# core's own structures against each other: queues against lines, bitmaps against levels, the leaves
# found quickly against those found by descent, rings against ids. A failure is a defect of the core.
# A debug build (make debug) runs all of them after every command, in a large state after every thousandth.


cdef int check_conserved(State* s) except -1:
    """Per currency, all accounts together hold nothing: the custody account mirrors the rest."""
    cdef Balance* balance
    cdef u128 total
    cdef u32 currency
    cdef u32 number
    for currency in range(s.n_currencies):
        total = 0
        for number in range(s.n_accounts):
            balance = account_at(s, number).balances + currency
            total += <u128>balance.available_units + <u128>balance.held_units
        if total != 0:
            raise AssertionError(f"currency {currency}: the sum over all accounts is not 0")
    return 0


cdef int check_held(State* s) except -1:
    """What is held is exactly what open orders and withdrawals need; nothing but custody is overdrawn."""
    cdef size_t n = <size_t>s.n_accounts * s.n_currencies
    cdef i64[::1] need = _numpy.zeros(n, _numpy.int64)
    cdef Order* order
    cdef Book* book
    cdef Balance* balance
    cdef Withdrawal* withdrawal
    cdef size_t place
    cdef u32 i
    cdef u32 currency
    for place in range(s.n_withdrawals):
        withdrawal = s.withdrawals + place
        need[withdrawal.account * s.n_currencies + withdrawal.currency] += withdrawal.amount_units
    for i in range(1, s.orders_used + 1):
        order = s.orders + i
        if order.account:
            book = s.books + order.instrument
            need[order.account * s.n_currencies + currency_given(book, order.side)] += principal_units(
                book, order, order.leaves_lots
            )
    for i in range(s.n_accounts):
        for currency in range(s.n_currencies):
            balance = account_at(s, i).balances + currency
            if balance.held_units != need[i * s.n_currencies + currency]:
                raise AssertionError(
                    f"account {i} holds {balance.held_units} of {currency}, "
                    f"orders and withdrawals need {need[i * s.n_currencies + currency]}"
                )
            if balance.available_units < 0 and i != CUSTODY_ACCOUNT:
                raise AssertionError(f"account {i} is overdrawn in {currency}")
    return 0


cdef int check_never_crossed(State* s) except -1:
    """The best bid is below the best offer."""
    cdef Book* book
    cdef u32 i
    for i in range(s.n_instruments):
        book = s.books + i
        if book.sides[0].best_rank != NO_RANK and book.sides[1].best_rank != NO_RANK:
            if PRICE_TICKS_MAX - book.sides[0].best_rank >= book.sides[1].best_rank:
                raise AssertionError(f"instrument {i} is crossed")
    return 0


cdef i64 check_level(State* s, u32 instrument, u8 side, u32 rank, const Level* level) except -1:
    """A level's queue is linked soundly both ways, and its orders belong there. Return how many."""
    cdef str where = f"instrument {instrument} side {side} rank {rank}"
    cdef u32 slot = level.head
    cdef u32 before = 0
    cdef i64 n = 0
    cdef Order* order
    if slot == 0:
        raise AssertionError(f"{where}: an empty level is marked as occupied")
    while slot:
        if slot > s.orders_used or n > s.n_orders:
            raise AssertionError(f"{where}: the queue leads astray at slot {slot}")
        order = s.orders + slot
        if order.account == 0 or order.leaves_lots <= 0:
            raise AssertionError(f"{where}: slot {slot} is not an open order")
        if order.instrument != instrument or order.side != side or rank_of(side, order.price_ticks) != rank:
            raise AssertionError(f"{where}: slot {slot} is misplaced")
        if order.place != IN_BOOK:
            raise AssertionError(f"{where}: slot {slot} says that it stands elsewhere")
        if not 0 < shown_of(s, order) <= order.leaves_lots:
            raise AssertionError(f"{where}: slot {slot} shows what it has not")
        if order.prev != before:
            raise AssertionError(f"{where}: slot {slot} has {order.prev} in front, not {before}")
        before = slot
        slot = order.next
        n += 1
    if level.tail != before:
        raise AssertionError(f"{where}: the queue ends at {before}, not at {level.tail}")
    return n


cdef i64 check_leaf(State* s, u32 instrument, u8 side, const Leaf* leaf, u32 key) except -1:
    """A leaf stands at its key, has orders, and its bitmap tells where. Return how many orders."""
    cdef i64 n = 0
    cdef u32 i
    if leaf.key != key:
        raise AssertionError(f"instrument {instrument} side {side}: leaf {leaf.key} stands at {key}")
    for i in range(LEAF_LEVELS):
        if leaf.occupied[i >> 6] >> (i & 63) & 1:
            n += check_level(s, instrument, side, key << LEAF_BITS | i, &leaf.levels[i])
        elif leaf.levels[i].head or leaf.levels[i].tail:
            raise AssertionError(f"instrument {instrument} side {side} leaf {key}: level {i} is not marked")
    if n == 0:
        raise AssertionError(f"instrument {instrument} side {side}: leaf {key} is empty")
    return n


cdef i64 check_node(State* s, u32 instrument, u8 side, const Node* node, u32 key, int depth) except -1:
    """A node's bitmap tells which children there are, and there are some. Return how many orders."""
    cdef i64 n = 0
    cdef u32 i
    cdef void* child
    if node.occupied == 0:
        raise AssertionError(f"instrument {instrument} side {side}: a node above leaf {key} is empty")
    for i in range(NODE_CHILDREN):
        child = node.children[i]
        if (child != NULL) != (node.occupied >> i & 1):
            raise AssertionError(f"instrument {instrument} side {side}: a node's bit {i} is wrong")
        if child != NULL and depth + 1 < NODE_DEPTH:
            n += check_node(s, instrument, side, <Node*>child, key << NODE_BITS | i, depth + 1)
        elif child != NULL:
            n += check_leaf(s, instrument, side, <Leaf*>child, key << NODE_BITS | i)
    return n


cdef i64 check_ladder(State* s, u32 instrument, u8 side, Ladder* ladder) except -1:
    """The best rank is the first occupied, and the leaves found quickly are those of the tree."""
    cdef Leaf* cached
    cdef Leaf* first
    cdef u32 best
    cdef u32 i
    cdef i64 n
    if ladder.root == NULL:
        if ladder.best_rank != NO_RANK:
            raise AssertionError(f"instrument {instrument} side {side}: an empty side has a best price")
        n = 0
    else:
        n = check_node(s, instrument, side, ladder.root, 0, 0)
        first = leaf_of(ladder, 0)
        if first == NULL:
            first = leaf_behind(ladder, 0)
        best = rank_within(first, 0)
        if best != ladder.best_rank:
            raise AssertionError(f"instrument {instrument} side {side}: best is {best}, not {ladder.best_rank}")
    for i in range(LEAVES_CACHED):
        if ladder.cached_keys[i] != NO_RANK:
            cached = ladder.cached[i]
            if cached.key != ladder.cached_keys[i] or leaf_found(ladder, cached.key) != cached:
                raise AssertionError(f"instrument {instrument} side {side}: cached leaf {i} is stale")
    return n


cdef i64 check_stops(State* s, u32 instrument) except -1:
    """Waiting stops stand at their stop price in order of entry, none is reached. Return how many."""
    cdef Book* book = s.books + instrument
    cdef Ladder* ladder
    cdef Order* order
    cdef u64 before
    cdef i64 n = 0
    cdef u32 rank
    cdef u32 slot
    cdef u8 side
    if book.stops == NULL:
        return 0
    for side in range(BUY, SELL + 1):
        ladder = &book.stops[side - BUY]
        if book.last_price_ticks and ladder.best_rank <= stop_rank(side, book.last_price_ticks):
            raise AssertionError(f"instrument {instrument}: a stop waits that the last trade reached")
        rank = ladder.best_rank
        while rank != NO_RANK:
            slot = level_at(ladder, rank).head
            before = 0
            while slot:
                order = s.orders + slot
                if order.account == 0 or order.place != WAITING or order.instrument != instrument:
                    raise AssertionError(f"instrument {instrument}: slot {slot} does not wait here")
                if order.side != side or stop_rank(side, detail_of(s, order).stop_price_ticks) != rank:
                    raise AssertionError(f"instrument {instrument}: the stop in slot {slot} is misplaced")
                if detail_of(s, order).entry_sequence <= before:
                    raise AssertionError(f"instrument {instrument}: the stop in slot {slot} jumped the queue")
                before = detail_of(s, order).entry_sequence
                n += 1
                slot = order.next
            rank = next_rank(ladder, rank)
    if n != book.n_stops:
        raise AssertionError(f"instrument {instrument}: {n} stops wait, not {book.n_stops}")
    rank = book.buy_stop_ticks
    note_nearest_stops(book)
    if rank != book.buy_stop_ticks:
        raise AssertionError(f"instrument {instrument}: the nearest buy stop is not {rank}")
    return n


cdef i64 check_triggered(State* s) except -1:
    """The queue of triggered stops is linked soundly both ways. Return how many wait in it."""
    cdef u32 slot = s.triggered_first
    cdef u32 before = 0
    cdef i64 n = 0
    while slot:
        if s.orders[slot].account == 0 or s.orders[slot].place != TRIGGERED or s.orders[slot].prev != before:
            raise AssertionError(f"slot {slot} does not belong in the queue of triggered stops")
        n += 1
        before = slot
        slot = s.orders[slot].next
    if s.triggered_last != before:
        raise AssertionError(f"the queue of triggered stops ends at {before}, not at {s.triggered_last}")
    return n


cdef int check_books(State* s) except -1:
    """Every open order stands in its book, or waits as a stop or as a triggered one, once."""
    cdef i64 placed = check_triggered(s)
    cdef u32 i
    cdef u8 side
    for i in range(s.n_instruments):
        for side in range(BUY, SELL + 1):
            placed += check_ladder(s, i, side, resting_side(s.books + i, side))
        placed += check_stops(s, i)
    if placed != s.n_orders:
        raise AssertionError(f"{s.n_orders} orders are open but {placed} have a place")
    return 0


cdef int check_quotes(State* s) except -1:
    """Each maker's quote sets are its open quotes, best first, and are found by hash and by chain."""
    cdef QuoteSet* standing
    cdef Order* order
    cdef u32 n_open = 0
    cdef u32 n_chained = 0
    cdef u32 number
    cdef u32 side
    cdef u32 i
    for i in range(1, s.orders_used + 1):
        n_open += s.orders[i].account != 0 and s.orders[i].traits & QUOTE
    for number in range(s.n_accounts):
        standing = account_at(s, number).quotes
        while standing != NULL:
            n_chained += 1
            if standing.account != number or s.quotes[quote_place(s, number, standing.instrument)] != standing:
                raise AssertionError(f"account {number}: a quote set of {standing.instrument} is not found")
            for side in range(2):
                for i in range(standing.n[side]):
                    order = s.orders + standing.levels[side][i].slot
                    if order.account != number or not order.traits & QUOTE:
                        raise AssertionError(f"account {number}: a quote set holds another's order")
                    if order.instrument != standing.instrument or order.side != side + BUY:
                        raise AssertionError(f"account {number}: a quote stands in the wrong set")
                    if order.price_ticks != standing.levels[side][i].price_ticks:
                        raise AssertionError(f"account {number}: a quote stands under another price")
                    if i and rank_of(order.side, standing.levels[side][i - 1].price_ticks) >= rank_of(
                        order.side, order.price_ticks
                    ):
                        raise AssertionError(f"account {number}: a quote set is not in order")
                    n_open -= 1
            standing = standing.next
    if n_open or n_chained != s.n_quotes:
        raise AssertionError("quote sets and open quotes differ")
    return 0


cdef int check_slots(State* s) except -1:
    """Each slot is free or holds one open order of an account that counts it."""
    cdef u32[::1] open_orders = _numpy.zeros(s.n_accounts, _numpy.uint32)
    cdef u32 n_open = 0
    cdef u32 n_free = 0
    cdef u32 i
    for i in range(1, s.orders_used + 1):
        if s.orders[i].account:
            n_open += 1
            open_orders[s.orders[i].account] += 1
    i = s.orders_free
    while i:
        if i > s.orders_used or s.orders[i].account or n_free == s.orders_used:
            raise AssertionError(f"the free list leads astray at slot {i}")
        n_free += 1
        i = s.orders[i].next
    if n_open != s.n_orders or n_open + n_free != s.orders_used:
        raise AssertionError("a slot is lost")
    for i in range(s.n_accounts):
        if account_at(s, i).n_orders != open_orders[i]:
            raise AssertionError(f"account {i} counts {account_at(s, i).n_orders} open orders, not {open_orders[i]}")
    return 0


cdef int check_rings(State* s) except -1:
    """Each segment stands at its place, and the outcome of an open order is still open."""
    cdef Account* account
    cdef Place* place
    cdef Remembered* entry
    cdef Order* order
    cdef u64 client_order_id
    cdef u32 number
    cdef u32 i
    cdef u32 j
    for number in range(s.n_accounts):
        account = account_at(s, number)
        for i in range(account.ring_mask + 1):
            place = account.ring + i
            if place.number and (place.number - 1) & account.ring_mask != i:
                raise AssertionError(f"account {number}: segment {place.number - 1} stands at place {i}")
            for j in range(SEGMENT_IDS if place.number else 0):
                client_order_id = (place.number - 1) * SEGMENT_IDS + j
                entry = &place.segment.ids[j]
                if entry.kind and client_order_id > account.client_id_highest:
                    raise AssertionError(f"account {number}: id {client_order_id} is above the highest")
                order = find_order(s, entry.order_id) if entry.kind == COMMAND_NEW_ORDER else NULL
                if order != NULL and (order.account != number or order.client_order_id != client_order_id):
                    raise AssertionError(f"account {number}: id {client_order_id} names another's order")
                if order != NULL and (entry.status != NEW or entry.reason != NONE or entry.has_totals):
                    raise AssertionError(f"account {number}: the open order {client_order_id} has an outcome")
    return 0


cdef int check_known(const KnownIds* known, str what) except -1:
    """Ids that are never forgotten stand in order, once each."""
    cdef size_t i
    for i in range(1, known.n):
        if memcmp(known.ids[i - 1].hash, known.ids[i].hash, sizeof(KnownId)) >= 0:
            raise AssertionError(f"{what} {i} is not in order")
    return 0


cdef int check_withdrawals(State* s) except -1:
    """Open withdrawals stand in order, and their accounts count them; nothing that is FINAL is still to come."""
    cdef u32[::1] counted = _numpy.zeros(s.n_accounts, _numpy.uint32)
    cdef size_t i
    cdef u32 number
    check_known(&s.deposits, "the external id")
    check_known(&s.busted, "the busted trade")
    if s.final_sequence > s.sequence:
        raise AssertionError("what is FINAL is still to come")
    for i in range(s.n_withdrawals):
        if i and s.withdrawals[i - 1].number >= s.withdrawals[i].number:
            raise AssertionError(f"the open withdrawal {s.withdrawals[i].number} is not in order")
        if s.withdrawals[i].number > s.sequence or s.withdrawals[i].amount_units < 1:
            raise AssertionError(f"the open withdrawal {s.withdrawals[i].number} is still to come, or of nothing")
        counted[s.withdrawals[i].account] += 1
    for number in range(s.n_accounts):
        if account_at(s, number).n_withdrawals != counted[number]:
            raise AssertionError(f"account {number} counts its open withdrawals wrongly")
    return 0


cdef int check_closed(State* s) except -1:
    """Every book knows whether it is closed."""
    cdef u32 i
    for i in range(s.n_instruments):
        if s.books[i].closed != closing_of(s, s.books + i):
            raise AssertionError(f"instrument {i} is closed otherwise than it knows")
    return 0


cdef int check_marks(State* s) except -1:
    """Who is barred may not trade and has no open orders; revoked tokens are in order, and bar who has one."""
    cdef Account* account
    cdef bint barred
    cdef u32 number
    check_known(&s.revoked, "the revoked token")
    for number in range(s.n_accounts):
        account = account_at(s, number)
        if number < FIRST_CLIENT_ACCOUNT and is_marked(account):
            raise AssertionError(f"account {number}, the venue's own, is marked")
        barred = account.marks & (FROZEN | REVOKED)
        if account.expires_ns != (0 if barred else account.credential_expires_ns):
            raise AssertionError(f"account {number}: what it may do does not follow from its marks")
        if barred and account.n_orders:
            raise AssertionError(f"account {number} is barred and has {account.n_orders} open orders")
        if number >= FIRST_CLIENT_ACCOUNT and is_known(&s.revoked, account.token_id) != (account.marks & REVOKED != 0):
            raise AssertionError(f"account {number}: its token and its mark differ")
    return 0


cdef int check_dead_men(State* s) except -1:
    """The accounts whose dead-man timer runs stand in the heap once each, sooner ones above."""
    cdef u32 n = 0
    cdef u32 i
    for i in range(s.n_accounts):
        if account_at(s, i).dead_man_ns:
            n += 1
            if account_at(s, i).dead_man_ns <= s.now_ns:
                raise AssertionError(f"account {i}: its dead-man timer is overdue")
    if n != s.n_dead_men:
        raise AssertionError(f"{n} dead-man timers run, but {s.n_dead_men} are in the heap")
    for i in range(n):
        if account_at(s, s.dead_men[i]).dead_man_ns == 0 or account_at(s, s.dead_men[i]).dead_man_place != i:
            raise AssertionError(f"account {s.dead_men[i]}: its dead-man timer is misplaced")
        if i and dies_sooner(s, s.dead_men[i], s.dead_men[(i - 1) // 2]):
            raise AssertionError(f"account {s.dead_men[i]}: its dead-man timer is below a later one")
    if s.next_due_ns != least(s.timers[0].due_ns if s.n_timers else INT64_LARGEST, next_death_ns(s)):
        raise AssertionError("something is due at another time than is noted")
    return 0


cdef int check_state(State* s) except -1:
    """Walk every invariant; AssertionError names the first that does not hold. O(state)."""
    check_books(s)
    check_slots(s)
    check_quotes(s)
    check_rings(s)
    check_marks(s)
    check_dead_men(s)
    check_withdrawals(s)
    check_closed(s)
    check_conserved(s)
    check_held(s)
    check_never_crossed(s)
    return 0
