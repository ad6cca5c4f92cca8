# Timers: what the core does by itself when its time comes. Credentials end, GTD orders expire, and
# last of what is due at the same time the dead-man timers run out, which core/guards.pxi keeps.
#
# A binary heap by (due, kind, sequence). Nothing is ever taken out of its middle: a renewed credential
# or an order that ended earlier leaves a stale timer, which is skipped when it comes up.


cdef inline bint is_sooner(const Timer* one, const Timer* other) noexcept nogil:
    if one.due_ns != other.due_ns:
        return one.due_ns < other.due_ns
    if one.kind != other.kind:
        return one.kind < other.kind
    return one.sequence < other.sequence


cdef inline void note_next_due(State* s) noexcept nogil:
    """Bring the time before which nothing is due up to date."""
    s.next_due_ns = least(s.timers[0].due_ns if s.n_timers else INT64_LARGEST, next_death_ns(s))


cdef int add_timer(State* s, i64 due_ns, u32 kind, u64 sequence, u64 subject) noexcept nogil:
    """Note when a credential or an order ends. O(log n)."""
    cdef size_t room = s.timers_capacity * 2 if s.timers_capacity else 64
    cdef size_t at = s.n_timers
    cdef Timer* larger
    cdef Timer timer
    if s.n_timers == s.timers_capacity:
        larger = <Timer*>realloc(s.timers, room * sizeof(Timer))
        if larger == NULL:
            return OUT_OF_MEMORY
        s.timers = larger
        s.timers_capacity = room
    timer.due_ns = due_ns
    timer.kind = kind
    timer.sequence = sequence
    timer.subject = subject
    s.n_timers += 1
    while at and is_sooner(&timer, &s.timers[(at - 1) // 2]):
        s.timers[at] = s.timers[(at - 1) // 2]
        at = (at - 1) // 2
    s.timers[at] = timer
    note_next_due(s)
    return NONE


cdef void drop_first_timer(State* s) noexcept nogil:
    """Take the soonest timer out of the heap. O(log n)."""
    cdef size_t at = 0
    cdef size_t child = 1
    cdef Timer last
    s.n_timers -= 1
    last = s.timers[s.n_timers]
    while child < s.n_timers:
        if child + 1 < s.n_timers and is_sooner(&s.timers[child + 1], &s.timers[child]):
            child += 1
        if not is_sooner(&s.timers[child], &last):
            break
        s.timers[at] = s.timers[child]
        at = child
        child = 2 * at + 1
    s.timers[at] = last
    note_next_due(s)


cdef inline bint is_stale(const State* s, const Timer* timer) noexcept nogil:
    """Say whether what a timer would end has ended or was prolonged."""
    if timer.kind == TIMER_ORDER:
        return find_order(s, timer.subject) == NULL
    return account_at(s, <u32>timer.subject).credential_expires_ns != timer.due_ns


cdef void drop_stale_timers(State* s) noexcept nogil:
    """Leave the soonest timer that still ends something, or none."""
    while s.n_timers and is_stale(s, s.timers):
        drop_first_timer(s)


cdef inline bint dead_man_is_first(const State* s) noexcept nogil:
    """Say whether a dead-man timer is due before every other; at the same time it comes after them."""
    return s.n_timers == 0 or next_death_ns(s) < s.timers[0].due_ns


cdef int fire_timer(State* s) noexcept nogil:
    """End what the soonest timer is about, which is not stale. EVENTS_FULL leaves it undone."""
    cdef Timer timer = s.timers[0]
    cdef size_t n_events = 1 if timer.kind == TIMER_ORDER else account_at(s, <u32>timer.subject).n_orders
    cdef Order* order
    cdef i64 n
    if s.n_events + n_events + s.events_reserve > s.events_capacity:
        return EVENTS_FULL
    drop_first_timer(s)
    if timer.kind == TIMER_ORDER:
        order = find_order(s, timer.subject)
        end_order(s, s.books + order.instrument, account_at(s, order.account), order, ORDER_EXPIRED, 0)
        return NONE
    return end_all(s, <u32>timer.subject, ALL_INSTRUMENTS, 0, CREDENTIAL_EXPIRED, 0, &n)


cdef int fire_timers(State* s) noexcept nogil:
    """End all that is due. EVENTS_FULL stops between two of them; call again to go on."""
    cdef int status
    drop_stale_timers(s)
    while s.next_due_ns <= s.now_ns and (s.n_timers or s.n_dead_men):
        status = fire_dead_man(s) if dead_man_is_first(s) else fire_timer(s)
        if status != NONE:
            return status
        drop_stale_timers(s)
    return NONE
