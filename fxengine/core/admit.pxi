# Admission: a client's frame of fixed records, checked where it arrives, and turned into commands.
#
# A frame is a header and up to 1,000 records of 64 bytes, the core's own commands (fxengine/records.py):
#
#     0 magic C1 "FXR" | 4 version u8 | 5 direction u8 | 6 reserved | 8 n_records u32 | 12 reserved ... 63
#
# Clients write it, so nothing in it is believed. What is good is copied, with the session's account and no
# time; the sequencer stamps that. What is not is left out and named with its reason, and the rest stays.
# No Python object is made for a good command. Whether the order itself can be (price, funds, ids) is the
# core's to say, in its turn: here it is only asked whether this session may send it.
#
# A cancel names no instrument and only takes risk away, so only its kind is asked about. An amend names
# none either, but may add risk, wherever its order stands: it must keep to the smallest size of all
# instruments. So a session that may not trade everything cannot amend by records; it can by message,
# for which the gateway looks its order up.

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_FromStringAndSize, PyByteArray_Resize
from cpython.bytes cimport PyBytes_GET_SIZE

cdef enum:
    FRAME_VERSION = 1
    FRAME_OF_COMMANDS = 1
    FRAME_RECORDS_MAX = 1000

cdef extern from *:
    """
    #define fx_size_uncapped ((int64_t)1 << 62)
    static const uint8_t fx_frame_magic[4] = {0xC1, 'F', 'X', 'R'};
    """
    const i64 SIZE_UNCAPPED "fx_size_uncapped"
    const u8 FRAME_MAGIC "fx_frame_magic"[4]


cdef inline bint all_zero(const u8* at, size_t n_bytes) noexcept nogil:
    cdef u8 any_bit = 0
    cdef size_t i
    for i in range(n_bytes):
        any_bit |= at[i]
    return any_bit == 0


cdef int frame_refusal(const FrameHeader* header, Py_ssize_t n_bytes) noexcept nogil:
    """Return why a frame is none of commands; NONE for a good one."""
    if n_bytes < <Py_ssize_t>sizeof(FrameHeader) or memcmp(header.magic, FRAME_MAGIC, sizeof(header.magic)) != 0:
        return MALFORMED_FRAME
    if header.version != FRAME_VERSION:
        return UNSUPPORTED_VERSION
    if header.direction != FRAME_OF_COMMANDS or not all_zero(header.reserved_0, sizeof(header.reserved_0)):
        return MALFORMED_FRAME
    if header.n_records > FRAME_RECORDS_MAX:
        return TOO_MANY_MESSAGES
    if not all_zero(header.reserved_1, sizeof(header.reserved_1)):
        return MALFORMED_FRAME
    if <Py_ssize_t>(sizeof(FrameHeader) + header.n_records * sizeof(Command)) != n_bytes:
        return MALFORMED_FRAME
    return NONE


cdef inline bint has_size(i64 size, i64 quantity_lots) noexcept nogil:
    """Say whether a size of a scope allows a quantity; whether the quantity can be is for the core to say."""
    return size > 0 and (size >= SIZE_UNCAPPED or quantity_lots <= size)


cdef inline i64 size_at(const Scope* scope, u16 instrument) noexcept nogil:
    """Return the size for an instrument; what is not listed is for the core to refuse."""
    return scope.sizes[instrument] if instrument < scope.n_instruments else SIZE_UNCAPPED


cdef int quote_admission(const MassQuote* command, const Scope* scope) noexcept nogil:
    """Return why a mass quote is not well formed or not in scope; NONE for a good one."""
    cdef const u8* at = <const u8*>(command + 1)
    cdef const u8* end = <const u8*>(command + command.n_records)
    cdef const QuoteSetRecord* head
    cdef SetWanted wanted
    cdef int reason = NONE
    cdef u32 i
    cdef u32 j
    cdef u8 side
    if not all_zero(command.reserved_0, sizeof(command.reserved_0)):
        return UNKNOWN_COMMAND
    for i in range(command.n_sets):
        head = <const QuoteSetRecord*>at
        if not read_set(&at, end, &wanted):
            return BAD_QUOTE_SET
        if not all_zero(head.reserved_0, sizeof(head.reserved_0)):
            return UNKNOWN_COMMAND
        if not has_size(size_at(scope, head.instrument), 1):
            reason = NOT_IN_SCOPE
        for side in range(2):
            for j in range(wanted.n[side]):
                if not has_size(size_at(scope, head.instrument), wanted.levels[side][j].leaves_lots):
                    reason = NOT_IN_SCOPE
    if command.n_sets == 0:
        return BAD_QUOTE_SET
    return reason if all_zero(at, end - at) else UNKNOWN_COMMAND


cdef inline bint has_record_count(const Command* command) noexcept nogil:
    """Say whether a kind that clients may send takes so many records."""
    if command.kind == COMMAND_MASS_QUOTE:
        return command.n_records > 1
    return command.n_records == 1 or (command.kind == COMMAND_NEW_ORDER and command.n_records == 2)


cdef inline bint is_for_clients(u8 kind) noexcept nogil:
    if kind == COMMAND_NEW_ORDER or kind == COMMAND_CANCEL:
        return True
    return kind >= COMMAND_AMEND and kind <= COMMAND_MASS_QUOTE


cdef bint is_clean(const Command* command) noexcept nogil:
    """Say whether the reserved bytes of a command other than a mass quote are zero, and no other's orders are meant."""
    cdef const Cancel* one = <const Cancel*>command
    cdef const MassCancel* many = <const MassCancel*>command
    cdef const OrderDetail* detail = <const OrderDetail*>(command + 1)
    if command.kind == COMMAND_NEW_ORDER:
        if command.n_records > 1 and not all_zero(detail.reserved_0, sizeof(detail.reserved_0)):
            return False
        return all_zero(command.reserved_0, sizeof(command.reserved_0))
    if command.kind == COMMAND_CANCEL:
        return all_zero(one.reserved_0, sizeof(one.reserved_0)) and all_zero(one.reserved_1, sizeof(one.reserved_1))
    if command.kind == COMMAND_MASS_CANCEL:
        if many.target or not all_zero(many.reserved_0, sizeof(many.reserved_0)):
            return False
        return all_zero(many.reserved_1, sizeof(many.reserved_1))
    return True


cdef bint is_in_scope(const Command* command, const Scope* scope) noexcept nogil:
    """Say whether a session may send a command, other than a mass quote, for this instrument and quantity."""
    if command.kind == COMMAND_NEW_ORDER:
        return has_size(size_at(scope, command.instrument), command.quantity_lots)
    if command.kind == COMMAND_AMEND:
        return has_size(scope.smallest, (<const Amend*>command).quantity_lots)
    if command.kind == COMMAND_MASS_CANCEL:
        return has_size(scope.smallest if command.instrument == ALL_INSTRUMENTS else size_at(scope, command.instrument), 1)
    return True


cdef int admission(const Command* command, const Scope* scope) noexcept nogil:
    """Return the first reason to leave a command out, in this order; NONE for a good one."""
    if not is_for_clients(command.kind) or not has_record_count(command):
        return UNKNOWN_COMMAND
    if command.account and command.account != scope.account:
        return IDENTITY_MISMATCH
    if not scope.kinds >> command.kind & 1:
        return NOT_IN_SCOPE
    if command.kind == COMMAND_MASS_QUOTE:
        return quote_admission(<const MassQuote*>command, scope)
    if not is_clean(command):
        return UNKNOWN_COMMAND
    return NONE if is_in_scope(command, scope) else NOT_IN_SCOPE


def admit(bytes frame not None, u32 account, u64 kinds, const i64[::1] sizes not None):
    """Check a client's frame of command records and return what of it the core may be given.

    ``account`` is the session's, ``kinds`` has bit ``k`` for each CommandKind ``k`` it may send, ``sizes``
    is ``(n_instruments,) int64``: the largest lots of an order in each instrument, 0 where it may not trade,
    ``2**62`` for any. Returns ``(records, n_commands, refused)``: the good commands as a bytearray of
    64-byte records with their account and no time, how many commands that are, and for each that was
    left out ``(index, reason)`` with the index of its first record. Index -1 is the frame's header,
    and nothing is taken. Where a command's ``n_records`` does not fit, all from there on is left out.
    O(records).
    """
    cdef const u8* start = <const u8*>PyBytes_AS_STRING(frame)
    cdef int reason = frame_refusal(<const FrameHeader*>start, PyBytes_GET_SIZE(frame))
    cdef const Command* records = <const Command*>(start + sizeof(FrameHeader))
    cdef Py_ssize_t n_records = 0
    cdef Py_ssize_t n_good = 0
    cdef Py_ssize_t n_commands = 0
    cdef Py_ssize_t i = 0
    cdef list refused = []
    cdef object good
    cdef Command* to
    cdef Scope scope
    if reason == NONE:
        n_records = (<const FrameHeader*>start).n_records
    else:
        refused.append((-1, reason))
    scope.account = account
    scope.kinds = kinds
    scope.sizes = &sizes[0] if sizes.shape[0] else NULL
    scope.n_instruments = sizes.shape[0]
    scope.smallest = SIZE_UNCAPPED
    for i in range(scope.n_instruments):
        scope.smallest = least(scope.smallest, scope.sizes[i])
    good = PyByteArray_FromStringAndSize(NULL, n_records * <Py_ssize_t>sizeof(Command))
    i = 0
    while i < n_records:
        if records[i].n_records == 0 or i + records[i].n_records > n_records:
            refused.append((i, <int>UNKNOWN_COMMAND))
            break
        reason = admission(records + i, &scope)
        if reason == NONE:
            to = <Command*>PyByteArray_AS_STRING(good) + n_good
            memcpy(to, records + i, records[i].n_records * sizeof(Command))
            to.account = account
            to.time_ns = 0
            n_good += to.n_records
            n_commands += 1
        else:
            refused.append((i, reason))
        i += records[i].n_records
    PyByteArray_Resize(good, n_good * <Py_ssize_t>sizeof(Command))
    return good, n_commands, refused
