# Rates of a router: units brought per unit spent, compared exactly and fast.
#
# The rate of a path is a product of fractions with up to 664 bits above and below; it is never computed. What is
# kept is its first 32 bits and its exponent, rounded on the way. Where two rates differ by more than that rounding
# can explain, which in a market is nearly always, the bits decide; else their factors are multiplied out and
# compared in full. So the answer is the exact one, which fxengine.reference.arcs.Rate gives by cross-multiplying.
#
#     a hop     numerator cut to 64 bits, denominator to 32, quotient to 32     off by less than 2**-29
#     a route   at most four hops, three products cut to 32 bits                off by less than 2**-26.8
#     its key   exponent and bits in one number, 2**31 to a doubling            off by less than 38

cdef extern from *:
    int leading_zeros "__builtin_clzll"(u64 word) nogil

cdef enum:
    KEYS_APART = 128  # two keys further apart than this tell two rates apart
    LIMBS_MAX = 12


cdef inline int highest_64(u128 number, u64* bits) noexcept nogil:
    """Return the exponent of a number from 1, and write its first 64 bits."""
    cdef u64 high = <u64>(number >> 64)
    cdef u64 low = <u64>number
    cdef int zeros
    if high == 0:
        zeros = leading_zeros(low)
        bits[0] = low << zeros
        return -zeros
    zeros = leading_zeros(high)
    bits[0] = <u64>((number << zeros) >> 64)
    return 64 - zeros


cdef inline Rate quotient(u128 up, u128 down) noexcept nogil:
    """Return the rate that is one number over another, both from 1."""
    cdef Rate rate
    cdef u64 above
    cdef u64 below
    cdef i32 exponent = highest_64(up, &above)
    exponent -= highest_64(down, &below) + 32
    above //= below >> 32
    if above >> 32:
        above >>= 1
        exponent += 1
    rate.bits = <u32>above
    rate.exponent = exponent
    return rate


cdef inline Rate rate_product(Rate one, Rate other) noexcept nogil:
    """Return the rate of one after the other."""
    cdef u64 product = <u64>one.bits * other.bits
    cdef int shift = 31 + <int>(product >> 63)
    one.bits = <u32>(product >> shift)
    one.exponent += other.exponent + shift
    return one


cdef inline Rate inverse(Rate rate) noexcept nogil:
    cdef u64 bits = (<u64>1 << 63) // rate.bits
    cdef int too_long = <int>(bits >> 32)
    rate.bits = <u32>(bits >> too_long)
    rate.exponent = too_long - 63 - rate.exponent
    return rate


cdef inline Rate rate_of_one() noexcept nogil:
    cdef Rate rate
    rate.bits = <u32>1 << 31
    rate.exponent = -31
    return rate


cdef inline i64 key_of(Rate rate) noexcept nogil:
    """Return a number that grows with the rate."""
    return (<i64>rate.exponent << 31) + rate.bits


cdef inline void begin_factors(Factors* factors) noexcept nogil:
    factors.n = 0


cdef inline void add_factors(Factors* factors, u64 kept, i64 gross, i64 cost, bint inverted) noexcept nogil:
    """Multiply by what a lot brings, of which the fee leaves ``kept`` millionths, over what it costs; or by the inverse."""
    cdef u32 n = factors.n
    factors.n = n + 2
    if inverted:
        factors.up[n] = RATE_ONE
        factors.up[n + 1] = cost
        factors.down[n] = kept
        factors.down[n + 1] = gross
    else:
        factors.up[n] = kept
        factors.up[n + 1] = gross
        factors.down[n] = RATE_ONE
        factors.down[n + 1] = cost


cdef int multiply(u64* limbs, int n, u64 factor) noexcept nogil:
    """Multiply a number of n limbs, lowest first; return how many it has then."""
    cdef u128 carry = 0
    cdef int i
    for i in range(n):
        carry += <u128>limbs[i] * factor
        limbs[i] = <u64>carry
        carry >>= 64
    if carry:
        limbs[n] = <u64>carry
        n += 1
    return n


cdef bint exceeds_exactly(const Factors* one, const Factors* other) noexcept nogil:
    """Say whether one rate is truly better, by all their factors."""
    cdef u64 left[LIMBS_MAX]
    cdef u64 right[LIMBS_MAX]
    cdef int n_left = 1
    cdef int n_right = 1
    cdef int i
    left[0] = right[0] = 1
    for i in range(<int>one.n):
        n_left = multiply(left, n_left, one.up[i])
        n_right = multiply(right, n_right, one.down[i])
    for i in range(<int>other.n):
        n_left = multiply(left, n_left, other.down[i])
        n_right = multiply(right, n_right, other.up[i])
    if n_left != n_right:
        return n_left > n_right
    for i in range(n_left - 1, -1, -1):
        if left[i] != right[i]:
            return left[i] > right[i]
    return False
