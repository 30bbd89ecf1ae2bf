# What a pool holds, for people to look at. Walks all of it: not for hot paths.

from zbuf._pool cimport zb_pool

cdef object stats_of(zb_pool *pool)
cdef list live_of(zb_pool *pool)
# Counts everything again; AssertionError where a counter is wrong.
cdef int check_pool(zb_pool *pool) except -1
