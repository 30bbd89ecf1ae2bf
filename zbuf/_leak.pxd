# Leak tracking: for blocks that are watched, where they were made and last used.
#
# A watched block has `track_end` as its `done`, and its record where a block at
# rest has the next one of its stack. So a block that is not watched costs
# nothing, and no handle carries anything.
#
# What is a leak? The last buffer that held the block was dropped by Python, not
# released. A memoryview that holds the block longer changes nothing of that; a
# queue, a composite or growth that lets go of it last does so when it is told.
#
# All of it may be called where no Python code may run, and runs none, but
# track_noted, track_seen and the reporting, which a pending call begins.

from cpython.object cimport PyObject

from zbuf._block cimport zb_block

cdef enum:
    # Levels; as in Netty.
    DISABLED = 0
    SIMPLE = 1       # one block in 128: where it was made
    ADVANCED = 2     # and where it was used last
    PARANOID = 3     # both, of every block

cdef int tracking    # the level; read without the lock

cdef struct zb_follower:
    void (*changed)() noexcept
    zb_follower *next

# Lets a module know of every change of the level, from the next on.
cdef void track_follow(zb_follower *follower, void (*changed)() noexcept) noexcept

# REQUIRES of all: tracking, and the caller has a reference of the block.

# A block was taken from a pool: watch it, if its turn has come.
cdef void track(zb_block *block) noexcept
# A buffer leaves its block for a larger one, and is what it was.
cdef void track_move(zb_block *block, zb_block *larger) noexcept
# Someone used the block; `what` is a name, `hint` a str or NULL.
cdef void track_use(zb_block *block, const char *what, PyObject *hint) noexcept
# A buffer is about to give back its n references.
cdef void track_close(zb_block *block, Py_ssize_t n, bint dropped) noexcept
# A memoryview is.
cdef void track_unview(zb_block *block) noexcept
# A handle was released here.
cdef void track_release(void *handle, zb_block *block) noexcept
# A handle is zbuf's own: that it is dropped is no fault of the program.
cdef void track_ours(void *handle) noexcept
# A handle is there no more; True if it was zbuf's own.
cdef bint track_burial(void *handle) noexcept
# The error, with notes on where that handle was released and its memory taken.
cdef object track_noted(object error, void *handle)
# How long ago a block was taken, in seconds, and where, added to a list; twice
# None for what is not watched. Makes nothing that the collector tracks.
cdef int track_seen(list found, zb_block *block) except -1
