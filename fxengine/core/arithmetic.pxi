# Exact integer arithmetic: the compiled twin of fxengine/money.py.
#
# Every amount in the core is an int64 number of units and every total of a currency fits in one.
# So only two things can leave 64 bits: the product that values an order at its entry (refused
# there, NOTIONAL_TOO_LARGE), and rate x receipts in a fee. The fee of any amount below FAST_UNITS
# is computed in 64 bits, where division by a constant is a multiplication; larger ones take 128.
#
#     rate < 2**20, received < 2**43  =>  rate * received + RATE_ONE < 2**63 + 2**20 < 2**64
#
# The few things that Cython cannot say stand in the C block; all of them are GCC's and Clang's.

cdef extern from *:
    r"""
    #include <stdint.h>
    #define fx_quantity_lots_max ((int64_t)1 << 62)
    /* The empty asm keeps GCC from taking a function that only prefetches for one without effect. */
    #define fx_prefetch(address) \
        do { __builtin_prefetch((const void *)(address), 1, 3); __asm__ volatile(""); } while (0)
    #ifndef FXENGINE_CHECK_EVERY_COMMAND
    #define FXENGINE_CHECK_EVERY_COMMAND 0
    #endif
    typedef unsigned __int128 fx_u128;
    /* All bits of a condition; the empty asm keeps GCC from seeing where they come from and branching. */
    static inline uint64_t fx_all_bits(int condition) {
        uint64_t bits = (uint64_t)0 - (uint64_t)condition;
        __asm__("" : "+r"(bits));
        return bits;
    }
    static inline int fx_multiply_overflows(int64_t a, int64_t b, int64_t *product) {
        return __builtin_mul_overflow(a, b, product);
    }
    """
    ctypedef unsigned long long u128 "fx_u128"
    const i64 INT64_LARGEST "INT64_MAX"
    const i64 QUANTITY_LOTS_MAX "fx_quantity_lots_max"
    bint multiply_overflows "fx_multiply_overflows"(i64 a, i64 b, i64* product) nogil
    u64 all_bits "fx_all_bits"(bint condition) nogil
    int lowest_bit "__builtin_ctzll"(u64 word) nogil
    void prefetch "fx_prefetch"(const void* address) nogil
    bint likely(bint condition) nogil
    bint unlikely(bint condition) nogil
    const bint CHECK_EVERY_COMMAND "FXENGINE_CHECK_EVERY_COMMAND"

cdef enum:
    FAST_UNITS = 0x80000000000  # 2 ** 43


cdef inline i64 least(i64 a, i64 b) noexcept nogil:
    return a if a < b else b


cdef inline i64 choose(bint first, i64 one, i64 other) noexcept nogil:
    """Return one or the other without a branch, for conditions that cannot be predicted."""
    return other ^ ((one ^ other) & <i64>all_bits(first))


cdef inline i64 divide_up(i64 amount, i64 by) noexcept nogil:
    """Return amount / by, rounded up; both at least 0 and ``by`` at least 1."""
    return amount // by + (amount % by != 0)


cdef inline i64 fee_owed_units(u64 rate, u64 received_units) noexcept nogil:
    """Return the fee on all that an order receives at one rate, rounded up (against the order)."""
    if likely(received_units < <u64>FAST_UNITS):
        return <i64>((rate * received_units + (RATE_ONE - 1)) // <u64>RATE_ONE)
    return <i64>((<u128>rate * <u128>received_units + (RATE_ONE - 1)) // <u64>RATE_ONE)


cdef inline i64 fee_now_units(u64 rate, u64 received_units, u32* credit) noexcept nogil:
    """Return the fee due for one more receipt, and bring the order's credit up to date.

    The fees of an order telescope to the ceiling of all it owes, at whatever rates.
    """
    cdef u64 owed
    cdef u128 owed_wide
    cdef u64 fee
    if likely(received_units < <u64>FAST_UNITS):
        owed = rate * received_units
        if owed <= credit[0]:
            credit[0] -= <u32>owed
            return 0
        owed -= credit[0]
        fee = (owed + (RATE_ONE - 1)) // <u64>RATE_ONE
        credit[0] = <u32>(fee * <u64>RATE_ONE - owed)
        return <i64>fee
    owed_wide = <u128>rate * <u128>received_units
    if owed_wide <= credit[0]:
        credit[0] -= <u32>owed_wide
        return 0
    owed_wide -= credit[0]
    fee = <u64>((owed_wide + (RATE_ONE - 1)) // <u64>RATE_ONE)
    credit[0] = <u32>(<u128>fee * <u64>RATE_ONE - owed_wide)
    return <i64>fee


cdef inline i64 rebate_units(u64 rate, u64 taker_received_units) noexcept nogil:
    """Return a maker's rebate for one fill, rounded down (against the maker)."""
    if likely(taker_received_units < <u64>FAST_UNITS):
        return <i64>(rate * taker_received_units // <u64>RATE_ONE)
    return <i64>(<u128>rate * <u128>taker_received_units // <u64>RATE_ONE)


cdef inline u128 net_of_fee(u64 rate, u128 gross_units) noexcept nogil:
    return gross_units - (<u128>rate * gross_units + (RATE_ONE - 1)) // <u64>RATE_ONE


cdef inline i64 gross_for_net_units(u64 rate, i64 net_units) noexcept nogil:
    """Return the least receipt that leaves at least ``net_units`` after its fee; -1 beyond int64.

    The estimate by division is off by at most one either way.
    """
    cdef u64 kept = <u64>RATE_ONE - rate
    if likely(net_units < FAST_UNITS):
        return <i64>((<u64>net_units * <u64>RATE_ONE + (kept - 1)) // kept)
    cdef u128 gross = (<u128>net_units * <u64>RATE_ONE + (kept - 1)) // kept
    while net_of_fee(rate, gross) < <u128>net_units:
        gross += 1
    while gross > 1 and net_of_fee(rate, gross - 1) >= <u128>net_units:
        gross -= 1
    return <i64>gross if gross <= <u128>INT64_LARGEST else -1
