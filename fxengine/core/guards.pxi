# Guards: what watches over an account's open orders when its own systems cannot.
#
#     dead man      set with a timeout, again and again; when it runs out, all orders and quotes end
#     watch         while it is on, the venue's word DISCONNECTED ends them
#
# A guard only takes risk away, so it is taken with an expired credential, a frozen account or a revoked
# token too. It has no client id: the latest counts, and saying it twice changes nothing.
#
# A dead man is set anew many times a second, mostly to a later time, so he does not join the timers,
# where each setting would leave a stale entry behind. The accounts whose dead man runs stand in a
# binary heap of their own by (due, number), and each knows its place there: one entry per account,
# moved where it stands.
#
#     dead_men      7, 3, 12          account 3: dead_man_ns 40, dead_man_place 1


cdef inline bint dies_sooner(const State* s, u32 one, u32 other) noexcept nogil:
    """Say whether one account's dead-man timer is due before another's."""
    cdef i64 left = account_at(s, one).dead_man_ns
    cdef i64 right = account_at(s, other).dead_man_ns
    return left < right if left != right else one < other


cdef inline void put_dead_man(State* s, u32 at, u32 number) noexcept nogil:
    s.dead_men[at] = number
    account_at(s, number).dead_man_place = at


cdef void move_dead_man(State* s, u32 at, u32 number) noexcept nogil:
    """Put an account into the heap where it belongs, from a place that is free. O(log n)."""
    cdef u32 child
    while at and dies_sooner(s, number, s.dead_men[(at - 1) // 2]):
        put_dead_man(s, at, s.dead_men[(at - 1) // 2])
        at = (at - 1) // 2
    child = 2 * at + 1
    while child < s.n_dead_men:
        if child + 1 < s.n_dead_men and dies_sooner(s, s.dead_men[child + 1], s.dead_men[child]):
            child += 1
        if not dies_sooner(s, s.dead_men[child], number):
            break
        put_dead_man(s, at, s.dead_men[child])
        at = child
        child = 2 * at + 1
    put_dead_man(s, at, number)


cdef int add_dead_man(State* s, u32 number) noexcept nogil:
    """Give an account whose timer was stopped a place in the heap. O(log n)."""
    cdef u32 room = s.dead_men_capacity * 2 if s.dead_men_capacity else 64
    cdef u32* larger
    if s.n_dead_men == s.dead_men_capacity:
        larger = <u32*>realloc(s.dead_men, room * sizeof(u32))
        if larger == NULL:
            return OUT_OF_MEMORY
        s.dead_men = larger
        s.dead_men_capacity = room
    s.n_dead_men += 1
    move_dead_man(s, s.n_dead_men - 1, number)
    return NONE


cdef void drop_dead_man(State* s, u32 number) noexcept nogil:
    """Take an account out of the heap; the last one fills the gap. O(log n)."""
    cdef u32 place = account_at(s, number).dead_man_place
    cdef u32 last = s.dead_men[s.n_dead_men - 1]
    s.n_dead_men -= 1
    account_at(s, number).dead_man_place = 0
    if last != number:
        move_dead_man(s, place, last)


cdef int set_dead_man(State* s, u32 number, i64 due_ns) noexcept nogil:
    """Set when an account's orders end unless this is set again; 0 stops the timer. O(log n)."""
    cdef Account* account = account_at(s, number)
    cdef bint runs = account.dead_man_ns != 0
    if due_ns == 0:
        if runs:
            drop_dead_man(s, number)
        account.dead_man_ns = 0
    else:
        account.dead_man_ns = due_ns
        if runs:
            move_dead_man(s, account.dead_man_place, number)
        elif add_dead_man(s, number) != NONE:
            return OUT_OF_MEMORY
    note_next_due(s)
    return NONE


cdef inline i64 next_death_ns(const State* s) noexcept nogil:
    """Return when the soonest dead-man timer is due; INT64_LARGEST for none."""
    return account_at(s, s.dead_men[0]).dead_man_ns if s.n_dead_men else INT64_LARGEST


cdef int fire_dead_man(State* s) noexcept nogil:
    """End the orders of the account whose dead-man timer is due first. EVENTS_FULL leaves it undone."""
    cdef u32 number = s.dead_men[0]
    cdef Account* account = account_at(s, number)
    cdef int status
    cdef i64 n
    if s.n_events + account.n_orders + 1 + s.events_reserve > s.events_capacity:
        return EVENTS_FULL
    set_dead_man(s, number, 0)
    status = end_all(s, number, ALL_INSTRUMENTS, 0, DEAD_MAN_FIRED, 0, &n)
    emit_guarded(s, account, number, GUARD_DEAD_MAN, DEAD_MAN_FIRED, 0)
    return status


cdef int guard_refusal(const State* s, const Guard* command) noexcept nogil:
    """Return why a guard is not one; NONE for a good one."""
    if client_at(s, command.account) == NULL:
        return UNKNOWN_ACCOUNT
    if command.action < GUARD_DEAD_MAN or command.action > GUARD_DISCONNECTED or command.client_order_id:
        return UNKNOWN_COMMAND
    if command.watching > 1 or command.timeout_ns < 0 or command.timeout_ns > INT64_LARGEST - s.now_ns:
        return UNKNOWN_COMMAND
    return NONE


cdef int guard(State* s, const Guard* command) noexcept nogil:
    """Set a guard over an account's orders, or let it act, and report it, or the refusal, to the account.

    EVENTS_FULL leaves it undone.
    """
    cdef Account* account = client_at(s, command.account)
    cdef int reason = guard_refusal(s, command)
    cdef int status = NONE
    cdef i64 setting = 0
    cdef i64 n
    if reason != NONE:
        refuse(s, <const Command*>command, reason)
        return NONE
    if command.action == GUARD_DEAD_MAN:
        setting = command.timeout_ns
        status = set_dead_man(s, command.account, s.now_ns + setting if setting else 0)
    elif command.action == GUARD_WATCH:
        setting = command.watching
        account.marks = account.marks & ~WATCHING | (WATCHING if setting else 0)
    elif account.marks & WATCHING:
        if s.n_events + account.n_orders + 1 + s.events_reserve > s.events_capacity:
            return EVENTS_FULL
        account.marks &= ~WATCHING
        reason = DISCONNECTED
        status = end_all(s, command.account, ALL_INSTRUMENTS, 0, DISCONNECTED, 0, &n)
    emit_guarded(s, account, command.account, command.action, <u16>reason, setting)
    return status
