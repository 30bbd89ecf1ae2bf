# Foreign memory as a block: whatever exports a buffer may lie under a handle.

from zbuf._block cimport zb_block

# A block over the exporter's bytes, one reference for the caller. Holds the
# export, so that the owner can neither resize nor free the memory, until the
# last reference goes. *readonly says whether the exporter forbids writes.
# Raises what the exporter raises (TypeError, BufferError), or MemoryError.
cdef zb_block *foreign_block(object exporter, bint *readonly) except NULL
