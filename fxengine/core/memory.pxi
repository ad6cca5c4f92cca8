# Memory: address space is reserved at once, pages arrive when they are first touched.
#
# Orders stand in one region of max_orders lines. Reserving it whole (MAP_NORESERVE) costs nothing
# until a slot is used, never moves an order, never copies, and finds one by a shift: simpler and
# faster than a directory of chunks, and the largest stop is the kernel clearing one huge page.
# What is many and small (client-id rings, leaves and nodes of ladders, accounts) is cut from regions
# of REGION_BYTES, one after the other; a block that is given back waits on the shelf of its size:
#
#     region  [link | account chunk | ring | ring | leaf | node | ring ....... free ......]
#     shelves  ring 4 -> ring 4        ring 8 -> -         leaf -> leaf -> leaf
#
# Nothing returns to the system before the core ends. All of it is NULL-checked: a core that cannot
# get memory says OUT_OF_MEMORY, and its Core raises MemoryError from then on.

cdef extern from *:
    """
    #include <sys/mman.h>
    #ifndef MAP_ANONYMOUS
    #define MAP_ANONYMOUS MAP_ANON
    #endif
    #ifndef MAP_NORESERVE
    #define MAP_NORESERVE 0
    #endif
    static inline void *fx_reserve(size_t n_bytes) {
        void *start = mmap(0, n_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (start == MAP_FAILED)
            return 0;
    #ifdef MADV_HUGEPAGE
        madvise(start, n_bytes, MADV_HUGEPAGE);
    #endif
        return start;
    }
    """
    void* reserve "fx_reserve"(size_t n_bytes) nogil
    int munmap(void* start, size_t n_bytes) nogil

from libc.string cimport memcmp, memcpy, memmove, memset

cdef enum:
    LINE_BYTES = 64
    HUGE_PAGE_BYTES = 1 << 21
    REGION_BYTES = 1 << 25


cdef inline size_t round_up(size_t n_bytes, size_t to) noexcept nogil:
    """Round up to a multiple of a power of two."""
    return (n_bytes + to - 1) & ~(to - 1)


cdef void* cut(Memory* memory, size_t n_bytes) noexcept nogil:
    """Return new, zeroed, line-aligned memory that lives as long as the core; NULL when there is none."""
    cdef size_t wanted = round_up(n_bytes, LINE_BYTES)
    cdef size_t region_bytes
    cdef Region* region
    cdef u8* block
    if unlikely(wanted > <size_t>(memory.end - memory.at)):
        region_bytes = round_up(wanted + LINE_BYTES, HUGE_PAGE_BYTES)
        if region_bytes < <size_t>REGION_BYTES:
            region_bytes = REGION_BYTES
        region = <Region*>reserve(region_bytes)
        if region == NULL:
            return NULL
        region.older = memory.regions
        region.n_bytes = region_bytes
        memory.regions = region
        memory.at = <u8*>region + LINE_BYTES
        memory.end = <u8*>region + region_bytes
    block = memory.at
    memory.at += wanted
    return block


cdef inline void* take(Memory* memory, Shelf* shelf, size_t n_bytes) noexcept nogil:
    """Return a block of a shelf's size: a used one first. Only its first word may not be zero as left."""
    cdef void* block = shelf.free
    if block == NULL:
        return cut(memory, n_bytes)
    shelf.free = (<void**>block)[0]
    (<void**>block)[0] = NULL
    return block


cdef inline void give_back(Shelf* shelf, void* block) noexcept nogil:
    """Put a block on its shelf; its first word becomes the link."""
    (<void**>block)[0] = shelf.free
    shelf.free = block


cdef void release_all(Memory* memory) noexcept nogil:
    """Return every region to the system."""
    cdef Region* region = <Region*>memory.regions
    cdef Region* older
    while region != NULL:
        older = <Region*>region.older
        munmap(region, region.n_bytes)
        region = older
    memset(memory, 0, sizeof(Memory))
