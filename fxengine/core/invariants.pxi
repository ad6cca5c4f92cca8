# What must hold after every command, each as a function that names itself when it fails.
#
# The first six are the specification's (fxengine/reference/invariants.py); the others hold the
# core's own structures against each other: queues against lines, bitmaps against levels, the leaves
# found quickly against those found by descent, rings against ids. A failure is a defect of the core.
# With -DFXENGINE_CHECK_EVERY_COMMAND=1 in CFLAGS, all of them run after every command.


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
    """What is held is exactly the principal of the open orders; nothing but custody is overdrawn."""
    cdef size_t n = <size_t>s.n_accounts * s.n_currencies
    cdef i64[::1] need = _numpy.zeros(n, _numpy.int64)
    cdef Order* order
    cdef Book* book
    cdef Balance* balance
    cdef u32 i
    cdef u32 currency
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
                    f"orders need {need[i * s.n_currencies + currency]}"
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


cdef int check_books(State* s) except -1:
    """Every open order stands in its book once."""
    cdef i64 resting = 0
    cdef u32 i
    cdef u8 side
    for i in range(s.n_instruments):
        for side in range(BUY, SELL + 1):
            resting += check_ladder(s, i, side, resting_side(s.books + i, side))
    if resting != s.n_orders:
        raise AssertionError(f"{s.n_orders} orders are open but {resting} rest")
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


cdef int check_state(State* s) except -1:
    """Walk every invariant; AssertionError names the first that does not hold. O(state)."""
    check_books(s)
    check_slots(s)
    check_rings(s)
    check_conserved(s)
    check_held(s)
    check_never_crossed(s)
    return 0
