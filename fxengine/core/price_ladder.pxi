# The price ladder of one side of a book: dense where prices are dense, nearly nothing elsewhere.
#
# Prices become ranks, so that on either side a lower rank is a better price and the code exists
# once: an offer's rank is its price, a bid's is PRICE_TICKS_MAX - price. A rank is found by its
# upper bits through four levels of nodes, each with a bitmap of its children, and its lower eight
# bits in a leaf of 256 levels with a bitmap of those that have orders:
#
#     rank  | 5 bits | 6 | 6 | 6 |  8 bits |
#             root -> node -> node -> node -> leaf: occupied 0010110..., levels {head, tail}
#
# The four leaves last used are found without the descent (by the low bits of their key), which is
# where nearly all prices of a live book are. The best rank is kept; its successor is the next set
# bit. Leaves and nodes come with their first order and go with their last, so an empty side is one
# line and a price far from all others costs one leaf and at most three nodes.


cdef inline Leaf* leaf_cached(Ladder* ladder, u32 key) noexcept nogil:
    cdef u32 place = key & (LEAVES_CACHED - 1)
    return ladder.cached[place] if ladder.cached_keys[place] == key else NULL


cdef inline void remember_leaf(Ladder* ladder, Leaf* leaf) noexcept nogil:
    cdef u32 place = leaf.key & (LEAVES_CACHED - 1)
    ladder.cached_keys[place] = leaf.key
    ladder.cached[place] = leaf


cdef inline u32 child_of(u32 key, int depth) noexcept nogil:
    """Return which child of a node at ``depth`` (0: the root) leads to a leaf."""
    return key >> (NODE_BITS * (NODE_DEPTH - 1 - depth)) & (NODE_CHILDREN - 1)


cdef Leaf* leaf_found(Ladder* ladder, u32 key) noexcept nogil:
    """Descend to a leaf; NULL where there is none."""
    cdef void* child = ladder.root
    cdef int depth
    for depth in range(NODE_DEPTH):
        if child == NULL:
            return NULL
        child = (<Node*>child).children[child_of(key, depth)]
    if child != NULL:
        remember_leaf(ladder, <Leaf*>child)
    return <Leaf*>child


cdef inline Leaf* leaf_of(Ladder* ladder, u32 key) noexcept nogil:
    cdef Leaf* leaf = leaf_cached(ladder, key)
    return leaf if likely(leaf != NULL) else leaf_found(ladder, key)


cdef Leaf* leaf_made(Memory* memory, Ladder* ladder, u32 key) noexcept nogil:
    """Descend to a leaf and make what is missing on the way; NULL when memory is out."""
    cdef void** place = <void**>&ladder.root
    cdef Node* parent = NULL
    cdef Node* node
    cdef Leaf* leaf
    cdef int depth
    for depth in range(NODE_DEPTH):
        if place[0] == NULL:
            place[0] = take(memory, &memory.nodes, sizeof(Node))
            if place[0] == NULL:
                return NULL
        node = <Node*>place[0]
        if parent != NULL:
            parent.occupied |= <u64>1 << child_of(key, depth - 1)
        parent = node
        place = &node.children[child_of(key, depth)]
    if place[0] == NULL:
        leaf = <Leaf*>take(memory, &memory.leaves, sizeof(Leaf))
        if leaf == NULL:
            return NULL
        leaf.key = key
        place[0] = leaf
        parent.occupied |= <u64>1 << child_of(key, NODE_DEPTH - 1)
    remember_leaf(ladder, <Leaf*>place[0])
    return <Leaf*>place[0]


cdef void drop_leaf(Memory* memory, Ladder* ladder, Leaf* leaf) noexcept nogil:
    """Take an empty leaf, and the nodes that it leaves empty, out of the ladder."""
    cdef Node* path[NODE_DEPTH]
    cdef u32 key = leaf.key
    cdef int depth
    if leaf_cached(ladder, key) != NULL:
        ladder.cached_keys[key & (LEAVES_CACHED - 1)] = NO_RANK
    path[0] = ladder.root
    for depth in range(1, NODE_DEPTH):
        path[depth] = <Node*>path[depth - 1].children[child_of(key, depth - 1)]
    give_back(&memory.leaves, leaf)
    for depth in range(NODE_DEPTH - 1, -1, -1):
        path[depth].children[child_of(key, depth)] = NULL
        path[depth].occupied &= ~(<u64>1 << child_of(key, depth))
        if path[depth].occupied:
            return
        give_back(&memory.nodes, path[depth])
    ladder.root = NULL


cdef inline u32 rank_within(const Leaf* leaf, u32 first) noexcept nogil:
    """Return the best occupied rank of a leaf at or behind its level ``first``; NO_RANK for none."""
    cdef u32 word = first >> 6
    cdef u64 bits
    if first >= LEAF_LEVELS:
        return NO_RANK
    bits = leaf.occupied[word] & (~<u64>0 << (first & 63))
    while bits == 0:
        word += 1
        if word == LEAF_WORDS:
            return NO_RANK
        bits = leaf.occupied[word]
    return leaf.key << LEAF_BITS | word << 6 | <u32>lowest_bit(bits)


cdef Leaf* leaf_behind(Ladder* ladder, u32 key) noexcept nogil:
    """Return the first leaf with a larger key, or NULL."""
    cdef Node* path[NODE_DEPTH]
    cdef void* child = ladder.root
    cdef u64 bits = 0
    cdef int depth = 0
    while child != NULL and depth < NODE_DEPTH:
        path[depth] = <Node*>child
        child = path[depth].children[child_of(key, depth)]
        depth += 1
    while depth and bits == 0:
        depth -= 1
        bits = path[depth].occupied & (~<u64>0 << child_of(key, depth)) & ~(<u64>1 << child_of(key, depth))
    if bits == 0:
        return NULL
    child = path[depth].children[lowest_bit(bits)]
    for depth in range(depth + 1, NODE_DEPTH):
        child = (<Node*>child).children[lowest_bit((<Node*>child).occupied)]
    remember_leaf(ladder, <Leaf*>child)
    return <Leaf*>child


cdef inline u32 next_rank(Ladder* ladder, u32 rank) noexcept nogil:
    """Return the next worse occupied rank; NO_RANK for none. O(1) within a leaf."""
    cdef u32 key = rank >> LEAF_BITS
    cdef u32 found = NO_RANK
    cdef Leaf* leaf = leaf_of(ladder, key)
    if leaf != NULL:
        found = rank_within(leaf, (rank & (LEAF_LEVELS - 1)) + 1)
    if found == NO_RANK:
        leaf = leaf_behind(ladder, key)
        if leaf != NULL:
            found = rank_within(leaf, 0)
    return found


cdef inline Level* level_at(Ladder* ladder, u32 rank) noexcept nogil:
    """Return a level that is known to have orders."""
    return &leaf_of(ladder, rank >> LEAF_BITS).levels[rank & (LEAF_LEVELS - 1)]


cdef inline Level* level_for(Memory* memory, Ladder* ladder, u32 rank) noexcept nogil:
    """Return the level that is about to get an order, marked as occupied; NULL when memory is out."""
    cdef Leaf* leaf = leaf_cached(ladder, rank >> LEAF_BITS)
    cdef u32 level = rank & (LEAF_LEVELS - 1)
    if unlikely(leaf == NULL):
        leaf = leaf_made(memory, ladder, rank >> LEAF_BITS)
        if leaf == NULL:
            return NULL
    leaf.occupied[level >> 6] |= <u64>1 << (level & 63)
    if rank < ladder.best_rank:
        ladder.best_rank = rank
    return &leaf.levels[level]


cdef void vacate(Memory* memory, Ladder* ladder, u32 rank) noexcept nogil:
    """Take note that a level has lost its last order."""
    cdef Leaf* leaf = leaf_of(ladder, rank >> LEAF_BITS)
    cdef u32 level = rank & (LEAF_LEVELS - 1)
    leaf.occupied[level >> 6] &= ~(<u64>1 << (level & 63))
    if rank == ladder.best_rank:
        ladder.best_rank = next_rank(ladder, rank)
    if not (leaf.occupied[0] | leaf.occupied[1] | leaf.occupied[2] | leaf.occupied[3]):
        drop_leaf(memory, ladder, leaf)


cdef inline void open_ladder(Ladder* ladder) noexcept nogil:
    """Begin with no orders."""
    cdef u32 place
    ladder.best_rank = NO_RANK
    for place in range(LEAVES_CACHED):
        ladder.cached_keys[place] = NO_RANK
