# Locks that no thread may hold while the process forks: of a thread that the
# child does not have, it would wait for for ever. Only without the GIL.

from zbuf._native cimport zb_mutex

# REQUIRES: an import. What holds one of these takes no other of them.
cdef void open_in_child(zb_mutex *lock) noexcept
