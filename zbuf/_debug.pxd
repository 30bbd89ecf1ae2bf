# The debug pool: finds writes that no handle can do, through stale or wild pointers.
#
#      guard |<------ size ------>| guard      live: data begins as FRESH
#     0xFD.. | 0xA5..             | 0xFD..     given back: all data is FREED
#
# Blocks come from malloc one by one and end where they were asked to end. Who
# gives one back has its guards looked at; then it is in quarantine, the pool's
# kept large blocks, and when it leaves that all of it is looked at.
#
# What was overwritten is told on stderr when it is found, which may be where
# nothing can be raised; and the next take, trim or close raises it.

from zbuf._pool cimport zb_pool

# A new pool, one reference for the caller. Raises MemoryError.
cdef zb_pool *debug_pool_new(Py_ssize_t max_live, Py_ssize_t quarantine) except NULL
# Looks at all blocks, live and in quarantine.
cdef void debug_verify(zb_pool *pool) noexcept
