# Mappings: bytes of a file as memory, which the file's owner may truncate.
#
#      file   |.......|=============================|.....|
#                     offset                        offset + size
#      memory     base|  |data ...                  |end       whole pages; base is the page of data
#                              |lo ....... hi|                 patched: anonymous zeros for now
#
# A page that the file no longer has kills the process that touches it: SIGBUS.
# Our handler puts a page of zeros in its place, so that whatever touched it,
# ours or not, goes on; and lets TruncatedFileError be raised in its thread as
# soon as the call that it was in is back in Python. As that is raised the hole
# is opened again: the next touch raises again, or finds what was written since.
#
# A fault is synchronous. Code that is attached to the interpreter touches
# memory between two of its steps and never inside them, so the handler may ask
# for the exception there and then; for a thread that is not attached the main
# thread raises it.

from libc.stdint cimport int64_t

from zbuf._block cimport zb_block
from zbuf._native cimport zb_count

cdef Py_ssize_t pending    # faults whose exception is still to be raised

# A block over `size` bytes at `offset` of the file; takes `fd` over as it returns.
# Raises OSError, MemoryError. REQUIRES: size >= 1.
cdef zb_block *mapping_block(int fd, int64_t offset, Py_ssize_t size, bint writable) except NULL
# How many bytes the file of a mapping has from the block's first on, 0 or more; -1 for another block.
cdef int64_t bytes_found(zb_block *block) noexcept


cdef inline int64_t mapped_bytes(zb_block *block) noexcept:
    return bytes_found(block) if block.pool == NULL else -1


# The file's size; 0 if it cannot be asked. REQUIRES: a mapping.
cdef int64_t mapped_size(zb_block *block) noexcept
# Raises what this thread's touch of a hole is to raise, if there was one.
cdef int raise_fault() except -1
cdef int forget_fault_slow() except -1


cdef inline int forget_fault() except -1:
    # What this thread touched is not to be raised.
    return forget_fault_slow() if zb_count(&pending) else 0


cdef inline int settle() except -1:
    # The end of what is not a call to Python, so that it does not look itself:
    # operators and iteration.
    return raise_fault() if zb_count(&pending) else 0
