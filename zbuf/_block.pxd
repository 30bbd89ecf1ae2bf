# A block: one piece of memory and the count of those who look at it.
#
#      handles, exports, queued sends          refs counts them all
#         \      |      /
#          zb_block ----> data |<------- size ------->|
#
# A block lives until its last reference is given back; then `done` is called,
# once, with the GIL held (attached, on free-threaded builds), and the block
# belongs to whoever made it again.

cdef struct zb_block:
    Py_ssize_t refs        # references held; atomic on free-threaded builds
    unsigned char *data    # first byte; never NULL, not even for size 0
    Py_ssize_t size        # usable bytes at data: what was granted
    Py_ssize_t asked       # bytes in use of them, as the pool counts; <= size
    void (*done)(zb_block *block) noexcept   # takes the block back at refs == 0
    void *pool             # the zb_pool that granted it and grows it; NULL: foreign memory
    void *owner            # what `done` needs: a span, a mapping
    zb_block *next         # in a stack of blocks at rest; the pool's. While live: _leak's
    int size_class         # number of the size class; -1 outside the classes
