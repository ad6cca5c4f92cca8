# The Core class: the only door. It checks what callers hand in, gives the loop its memory, lets go
# of the GIL while a batch runs, and turns a status code into an exception.
#
# Two things make one call cheap. Buffers are bound once, since acquiring them costs microseconds.
# And a short batch keeps the GIL: giving it up and taking it back costs as much as a few commands.
#
# The events array is Python's. When it may not hold what a command could make, the loop stops at a
# safe point and says so; the array is replaced by a larger one and the loop goes on where it stood.

import hashlib as _hashlib

cdef enum:
    EVENTS_AT_FIRST = 4096
    RECORDS_WITH_GIL = 16  # a batch of at most so many does not release the GIL
    SMALL_STATE = 256  # a debug build walks the invariants of so small a state after every command,
    CHECK_PERIOD = 1000  # and of a larger one now and then, or a test of a million orders would never end


@cython.final
cdef class Core:
    """The matching core; the same interface and the same bytes as ``fxengine.reference.Core``.

    ``instruments`` are ``(n,) INSTRUMENT`` records; ``max_fills`` bounds the trades of one command,
    ``max_orders`` the open orders, ``max_accounts`` the accounts, the venue's own two included,
    ``max_withdrawals`` the open withdrawals of one account. An empty instrument costs 192 bytes; an idle account 256,
    and 16 per currency. ``routes`` are ``ROUTE`` records of paths that are named; none may be given too. ``swap_rate``
    is the fee on the last leg of a swap, instead of each leg's taker fee, in hundredths of a basis point. One thread at
    a time: a second one gets RuntimeError. Raises ValueError for what could not be computed with, MemoryError when the
    system has no address space left.
    """

    def __cinit__(
        self, instruments, *, Py_ssize_t n_currencies, Py_ssize_t max_fills=256, Py_ssize_t max_orders=4_000_000,
        Py_ssize_t max_accounts=4_194_304, Py_ssize_t max_withdrawals=1024, routes=None, swap_rate=None,
    ):
        cdef State* s = &self.state
        cdef InstrumentRecord row
        cdef const InstrumentRecord* rows
        cdef Py_ssize_t i
        cdef bint reserved
        _check_array(instruments, sizeof(InstrumentRecord), "instruments")
        _check_range("n_currencies", n_currencies, 1, CURRENCIES_MAX)
        _check_range("max_fills", max_fills, 1, 65_536)
        _check_range("max_orders", max_orders, 1, 2**31 - 1)
        _check_range("max_accounts", max_accounts, FIRST_CLIENT_ACCOUNT, ACCOUNTS_MAX)
        _check_range("max_withdrawals", max_withdrawals, 1, 65_536)
        _check_range("len(instruments)", len(instruments), 0, 65_536)
        rows = <const InstrumentRecord*><size_t>instruments.ctypes.data
        s.n_currencies = n_currencies
        s.n_instruments = len(instruments)
        s.max_fills = max_fills
        s.max_orders = max_orders
        s.max_accounts = max_accounts
        s.max_withdrawals = max_withdrawals
        s.swap_rate = -1
        if swap_rate is not None:
            _check_range("swap_rate", swap_rate, 0, RATE_ONE - 1)
            s.swap_rate = swap_rate
        s.next_due_ns = INT64_LARGEST
        s.events_reserve = EVENTS_PER_FILL * max_fills + EVENTS_BESIDE_FILLS
        s.orders = <Order*>reserve(orders_bytes(s))
        s.details = <Detail*>reserve(details_bytes(s))
        s.accounts = <Account*>reserve(accounts_bytes(s))
        s.balances = <Balance*>reserve(balances_bytes(s))
        s.books = <Book*>cut(&s.memory, max(1, s.n_instruments) * sizeof(Book))
        s.hops = <u32*>cut(&s.memory, <size_t>n_currencies * n_currencies * sizeof(u32))
        reserved = s.orders != NULL and s.details != NULL and s.accounts != NULL and s.balances != NULL
        if not reserved or s.books == NULL or s.hops == NULL:
            raise MemoryError(f"no address space for {max_orders} orders and {max_accounts} accounts")
        for i in range(s.n_instruments):
            row = rows[i]
            _check_instrument(i, row, n_currencies, s.swap_rate >= 0)
            open_book(s.books + i, &row, i)
        join_currencies(s)
        _open_router(s, routes)
        self._routes = routes
        for i in range(FIRST_CLIENT_ACCOUNT):
            if open_account(s) == NULL:
                raise MemoryError("no memory for the venue's own accounts")
        s.fees = account_at(s, FEES_ACCOUNT).balances
        s.custody = account_at(s, CUSTODY_ACCOUNT).balances
        self._enlarge_events(EVENTS_AT_FIRST + s.events_reserve)

    def __dealloc__(self):
        cdef State* s = &self.state
        if s.orders != NULL:
            munmap(s.orders, orders_bytes(s))
        if s.details != NULL:
            munmap(s.details, details_bytes(s))
        if s.accounts != NULL:
            munmap(s.accounts, accounts_bytes(s))
        if s.balances != NULL:
            munmap(s.balances, balances_bytes(s))
        free(s.timers)
        free(s.dead_men)
        free(s.revoked.ids)
        free(s.withdrawals)
        free(s.deposits.ids)
        free(s.busted.ids)
        free(s.quotes)
        release_all(&s.memory)

    def bind(self, commands):
        """Use this C-contiguous ``(n,) COMMAND`` array as input; the caller fills it in place.

        Raises ValueError for another shape or record size. O(1).
        """
        self._ready()
        _check_array(commands, sizeof(Command), "commands")
        self._commands = commands
        self.records = <const Command*><size_t>commands.ctypes.data
        self.n_records = len(commands)

    def apply(self, Py_ssize_t first, Py_ssize_t last):
        """Apply the whole commands in records ``[first, last)``; return how many events they made.

        The events stand in ``self.events[:n]`` until the next call. Raises ValueError, with nothing of
        the broken command done, when the records do not end at a command's end. MemoryError leaves a
        core that can only be thrown away: rebuild it from the journal.
        """
        cdef Py_ssize_t at = first
        cdef Py_ssize_t until = last
        cdef int status
        self._ready()
        if first < 0 or first > last or last > self.n_records:
            raise ValueError(f"records [{first}, {last}) are not within the {self.n_records} bound")
        self.state.n_events = 0
        while True:
            if CHECK_EVERY_COMMAND and at < last:
                until = min(last, at + max(1, self.records[at].n_records))
            if last - at > RECORDS_WITH_GIL:
                self.applying = True
                with nogil:
                    status = apply_records(&self.state, self.records, &at, until)
                self.applying = False
            else:
                status = apply_records(&self.state, self.records, &at, until)
            if unlikely(status != NONE):
                self._recover(status, at)
                continue
            if CHECK_EVERY_COMMAND and (is_small(&self.state) or self.state.sequence % CHECK_PERIOD == 0):
                check_state(&self.state)
            if at == last:
                return self.state.n_events

    cdef int _ready(self) except -1:
        """Raise when the core must not be used now."""
        if unlikely(self.applying):
            raise RuntimeError("another thread is applying a batch; a core belongs to one thread at a time")
        if unlikely(self.broken):
            raise MemoryError("memory ran out within an earlier command; rebuild the core from the journal")
        return 0

    cdef int _recover(self, int status, Py_ssize_t at) except -1:
        """Make room for events, or raise what a status says."""
        cdef State* s = &self.state
        if status == EVENTS_FULL:
            self.applying = self.broken = True  # other threads may run while Python makes the array
            try:
                self._enlarge_events(2 * s.events_capacity)
                self.broken = False
            finally:
                self.applying = False
        elif status == BAD_RECORD_COUNT:
            raise ValueError(f"record {at}: its n_records, {self.records[at].n_records}, does not fit")
        else:
            self.broken = True
            self._ready()
        return 0

    cdef int _enlarge_events(self, size_t capacity) except -1:
        """Replace the events array by a larger one that begins with the same events."""
        cdef State* s = &self.state
        events = _numpy.zeros(capacity, EVENT_DTYPE)
        if s.n_events:
            events[:s.n_events] = self._events[:s.n_events]
        s.events = <Event*><size_t>events.ctypes.data
        s.events_capacity = capacity
        s.events_enough = capacity - s.events_reserve
        self._events = events
        return 0

    @property
    def events(self):
        """``(capacity,) EVENT`` records: the last call's, then room. Replaced when it grows."""
        return self._events

    @property
    def sequence(self):
        """Number of the last command applied, from 1."""
        return self.state.sequence

    @property
    def now_ns(self):
        """Time of the last command."""
        return self.state.now_ns

    @property
    def next_deadline_ns(self):
        """When the core next has something to do by itself; 2**63 - 1 for never."""
        self._ready()
        if next_to_run(&self.state):
            return self.state.now_ns
        drop_stale_timers(&self.state)
        return self.state.next_due_ns

    @property
    def n_accounts(self):
        """Accounts there are, the venue's own two included; the next new one gets this number."""
        return self.state.n_accounts

    @property
    def n_orders(self):
        """Open orders: in the books, waiting stops, and triggered ones."""
        return self.state.n_orders

    def balance(self, Py_ssize_t account, Py_ssize_t currency):
        """Return the available and the held units of an account; IndexError for unknown ones."""
        cdef Balance* balance
        self._ready()
        _check_index("currency", currency, self.state.n_currencies)
        _check_index("account", account, self.state.n_accounts)
        balance = account_at(&self.state, account).balances + currency
        return balance.available_units, balance.held_units

    def client_id_highest(self, Py_ssize_t account):
        """Return the highest client order id the account has used; 0 for none, IndexError for no account."""
        self._ready()
        _check_index("account", account, self.state.n_accounts)
        return account_at(&self.state, account).client_id_highest

    def depth(self, Py_ssize_t instrument, Py_ssize_t side, Py_ssize_t levels):
        """Return up to ``levels`` best (price_ticks, lots) of one side, best first. O(orders on them).

        Raises IndexError for an unknown instrument and ValueError for an unknown side.
        """
        cdef Ladder* ladder
        cdef Order* order
        cdef i64 lots
        cdef u32 rank
        self._ready()
        _check_index("instrument", instrument, self.state.n_instruments)
        _check_range("side", side, BUY, SELL)
        ladder = resting_side(self.state.books + instrument, side)
        rank = ladder.best_rank
        found = []
        while rank != NO_RANK and len(found) < levels:
            order = self.state.orders + level_at(ladder, rank).head
            total = shown_of(&self.state, order)
            while order.next:
                order = self.state.orders + order.next
                total += shown_of(&self.state, order)
            found.append((order.price_ticks, total))
            rank = next_rank(ladder, rank)
        return found

    def order_state(self, Py_ssize_t account, u64 client_order_id, u64 order_id):
        """Return what became of an account's command or order, named by OrderID or else by its client id.

        The tuple is ``(order_id, client_order_id, command, status, reason, instrument, side, ord_type,
        price_ticks, leaves_lots, cum_lots, notional_units, sequence)``: of an open order its own, of any
        other command its outcome, with 0 for what only an open order has. ``sequence`` numbers the command
        that used the client id; 0 when it left the window. None for what the account does not have (any
        more), another's order included; an OrderID names open orders only. IndexError for no account. O(1).
        """
        self._ready()
        _check_index("account", account, self.state.n_accounts)
        return order_row(&self.state, account, client_order_id, order_id)

    def open_orders(self, Py_ssize_t account, u64 after_order_id, Py_ssize_t limit):
        """Return up to ``limit`` of an account's open orders and quotes, by slot, those behind a slot only.

        Rows are ``(order_id, client_order_id, instrument, side, ord_type, price_ticks, leaves_lots,
        cum_lots)``, with ord_type 0 for a quote. ``after_order_id`` is the last of the page before, open or
        not; 0 begins. IndexError for no account, ValueError for a limit below 1. O(ring), as a mass cancel is.
        """
        self._ready()
        _check_index("account", account, self.state.n_accounts)
        _check_range("limit", limit, 1, 2**31 - 1)
        return open_rows(&self.state, account, <u32>after_order_id, limit)

    @property
    def final_sequence(self):
        """All up to this command is FINAL in the ledger, as far as the core was told; 0: nothing is."""
        return self.state.final_sequence

    @property
    def cancel_only(self):
        """Say whether the venue takes nothing that adds risk."""
        return bool(self.state.cancel_only)

    def redeem_only(self):
        """Return the currencies that are not traded and not deposited, ascending."""
        return [i for i in range(self.state.n_currencies) if is_redeem_only(&self.state, i)]

    def open_withdrawals(self, Py_ssize_t account, u64 after, Py_ssize_t limit):
        """Return up to ``limit`` withdrawals that wait to be paid, of an account or of all (0), ascending by number.

        Rows are ``(number, account, currency, amount_units)``. ``after`` is the last number of the page
        before; 0 begins. IndexError for no account, ValueError for a limit below 1. O(open withdrawals).
        """
        self._ready()
        _check_index("account", account, self.state.n_accounts)
        _check_range("limit", limit, 1, 2**31 - 1)
        return withdrawal_rows(&self.state, account, after, limit)

    def swap_quote(self, bytes command not None):
        """Return what a SWAP record would do now, whatever the payer has and its client id says; nothing changes.

        The tuple is ``(reason, paid_units, delivered_units, unfilled_units, fills, legs, singles)``, as
        ``fxengine.reference.swaps.SwapQuote`` has it. IndexError for no client's account, ValueError for another
        length than a record's. O(fills looked at).
        """
        cdef const Swap* wanted
        self._ready()
        _check_range("len(command)", len(command), sizeof(Command), sizeof(Command))
        wanted = <const Swap*>PyBytes_AS_STRING(command)
        if client_at(&self.state, wanted.account) == NULL:
            raise IndexError("the record names no client's account")
        return quote_row(&self.state, wanted)

    def watching(self):
        """Return the accounts whose orders end when their connection is lost, ascending. O(accounts)."""
        self._ready()
        return [i for i in range(self.state.n_accounts) if account_at(&self.state, i).marks & WATCHING]

    def is_frozen(self, Py_ssize_t account):
        """Say whether an account is frozen; IndexError for no account. O(1)."""
        self._ready()
        _check_index("account", account, self.state.n_accounts)
        return bool(account_at(&self.state, account).marks & FROZEN)

    def is_revoked(self, bytes token_id not None):
        """Say whether a token (blake2b-128 of its jti, 16 bytes) was revoked. O(log n) in the revoked."""
        self._ready()
        _check_range("len(token_id)", len(token_id), sizeof(KnownId), sizeof(KnownId))
        return bool(is_known(&self.state.revoked, <const u8*>PyBytes_AS_STRING(token_id)))

    def account_stream(self, Py_ssize_t account):
        """Return the last number of an account's private stream; 0 for none. IndexError for no account."""
        self._ready()
        _check_index("account", account, self.state.n_accounts)
        return account_at(&self.state, account).stream

    def instrument_stream(self, Py_ssize_t instrument):
        """Return the last number of an instrument's market data; 0 for none. IndexError for an unknown one."""
        self._ready()
        _check_index("instrument", instrument, self.state.n_instruments)
        return self.state.books[instrument].stream

    def state_bytes(self):
        """Return the whole state as canonical bytes; see ``fxengine.reference.canonical``. O(state)."""
        self._ready()
        return state_image(&self.state, 0)

    def state_hash(self):
        """Return blake2b-128 of the state bytes, in hex."""
        return _hashlib.blake2b(self.state_bytes(), digest_size=16).hexdigest()

    def snapshot(self):
        """Return the whole state as bytes that :meth:`restore` takes, checksummed. O(state).

        Either core takes the other's; ``docs/core.md`` has the format.
        """
        self._ready()
        return take_snapshot(&self.state)

    def restore(self, bytes taken):
        """Take on a snapshot's state; from here on this core does what the one would that it was taken of.

        For a core that has applied nothing, of the same currencies, instruments and ``max_fills``, and
        with room for its orders and accounts. ``events`` is empty then. Raises ValueError for a snapshot that is damaged,
        of another version or venue, or of a state that no core can be in; RuntimeError for a core that
        was used; MemoryError. Each leaves the core as it was. O(snapshot).
        """
        cdef Core filled
        cdef State state
        self._ready()
        if self.state.sequence:
            raise RuntimeError("this core has applied commands; restore a snapshot to a new one")
        _check_snapshot(&self.state, taken)
        terms = _numpy.frombuffer(taken, "V32", self.state.n_instruments, sizeof(SnapshotHead))
        filled = Core(
            terms, n_currencies=self.state.n_currencies, max_fills=self.state.max_fills,
            max_orders=self.state.max_orders, max_accounts=self.state.max_accounts,
            max_withdrawals=self.state.max_withdrawals, routes=self._routes,
            swap_rate=None if self.state.swap_rate < 0 else self.state.swap_rate,
        )
        self.applying = True  # other threads may run meanwhile
        try:
            fill_state(&filled.state, taken)
        finally:
            self.applying = False
        state = self.state
        self.state = filled.state
        filled.state = state
        self._events, filled._events = filled._events, self._events

    def check(self):
        """Walk every invariant; AssertionError names the first that does not hold. O(state)."""
        self._ready()
        check_state(&self.state)


cdef inline bint is_small(const State* s) noexcept nogil:
    return s.n_accounts + s.orders_used <= <u32>SMALL_STATE


cdef inline size_t orders_bytes(const State* s) noexcept nogil:
    return round_up((<size_t>s.max_orders + 2) * sizeof(Order), HUGE_PAGE_BYTES)


cdef inline size_t details_bytes(const State* s) noexcept nogil:
    return round_up((<size_t>s.max_orders + 2) * sizeof(Detail), HUGE_PAGE_BYTES)


cdef inline size_t accounts_bytes(const State* s) noexcept nogil:
    return round_up(<size_t>s.max_accounts * sizeof(Account), HUGE_PAGE_BYTES)


cdef inline size_t balances_bytes(const State* s) noexcept nogil:
    return round_up(<size_t>s.max_accounts * s.n_currencies * sizeof(Balance), HUGE_PAGE_BYTES)


cdef void open_book(Book* book, const InstrumentRecord* row, u32 index) noexcept nogil:
    """Begin an instrument with two empty sides."""
    book.given[0] = row.quote
    book.given[1] = row.base
    book.maker_rate = row.maker_rate
    book.taker_rate = row.taker_rate
    book.index = index
    book.lot_units = row.lot_units
    book.tick_lot_units = row.tick_lot_units
    book.buy_stop_ticks = NO_RANK
    open_ladder(&book.sides[0])
    open_ladder(&book.sides[1])


cdef int _check_instrument(
    Py_ssize_t index, InstrumentRecord row, Py_ssize_t n_currencies, bint has_swap_fee
) except -1:
    """Refuse what the arithmetic relies on never to meet; a venue file says it with better words."""
    if row.base >= n_currencies or row.quote >= n_currencies or row.base == row.quote:
        raise ValueError(f"instruments[{index}]: base and quote must be two of the {n_currencies} currencies")
    if row.lot_units < 1 or not 1 <= row.tick_lot_units <= INT64_LARGEST // PRICE_TICKS_MAX:
        raise ValueError(f"instruments[{index}]: one lot could not be priced")
    if not 0 <= row.taker_rate < RATE_ONE or not -row.taker_rate <= row.maker_rate < RATE_ONE:
        raise ValueError(f"instruments[{index}]: its fee rates are not below one, or a rebate exceeds the taker's")
    if has_swap_fee and row.maker_rate < 0:
        raise ValueError(f"instruments[{index}]: with a swap fee, a swap's other legs have no fee to pay a rebate from")
    return 0


cdef int _open_router(State* s, object routes) except -1:
    """Give a core what its router needs, and the paths that are named."""
    cdef const RouteRecord* named
    cdef Router* r = <Router*>cut(&s.memory, sizeof(Router))
    cdef size_t arc_bytes = <size_t>s.max_fills * sizeof(Entry)
    cdef Entry* entries = <Entry*>cut(&s.memory, ARCS_MAX * arc_bytes)
    cdef Py_ssize_t i
    cdef Py_ssize_t j
    cdef Py_ssize_t k
    if r == NULL or entries == NULL:
        raise MemoryError("no memory for the router")
    r.entered = <u32*>cut(&s.memory, s.n_currencies * sizeof(u32))
    r.entering = <Top*>cut(&s.memory, s.n_currencies * sizeof(Top))
    r.leaving = <Top*>cut(&s.memory, s.n_currencies * sizeof(Top))
    if r.entered == NULL or r.entering == NULL or r.leaving == NULL:
        raise MemoryError("no memory for the router")
    for i in range(ARCS_MAX):
        r.arcs[i].entries = entries + i * s.max_fills
    s.router = r
    if routes is None or len(routes) == 0:
        return 0
    _check_array(routes, sizeof(RouteRecord), "routes")
    s.n_routes = len(routes)
    s.routes = <RouteRecord*>cut(&s.memory, s.n_routes * sizeof(RouteRecord))
    if s.routes == NULL:
        raise MemoryError("no memory for the named routes")
    named = <const RouteRecord*><size_t>routes.ctypes.data
    for i in range(s.n_routes):
        s.routes[i] = named[i]
        _check_range(f"routes[{i}].n_stops", named[i].n_stops, 2, LEGS_MAX + 1)
        for j in range(named[i].n_stops):
            _check_index(f"routes[{i}]: currency", named[i].stops[j], s.n_currencies)
            for k in range(j):
                if named[i].stops[k] == named[i].stops[j]:
                    raise ValueError(f"routes[{i}] leads over currency {named[i].stops[j]} twice")
    return 0


cdef int _check_array(object array, size_t itemsize, str name) except -1:
    if array.dtype.itemsize != itemsize or not array.flags.c_contiguous or array.ndim != 1:
        raise ValueError(f"{name} must be a one-dimensional C-contiguous array of {itemsize}-byte records")
    return 0


cdef int _check_range(str name, Py_ssize_t value, Py_ssize_t low, Py_ssize_t high) except -1:
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}, not between {low} and {high}")
    return 0


cdef int _check_index(str name, Py_ssize_t index, Py_ssize_t n) except -1:
    if not 0 <= index < n:
        raise IndexError(f"{name} {index} is not one of the {n} there are")
    return 0
