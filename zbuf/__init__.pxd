# What other people's Cython may cimport: `from zbuf cimport ByteBuf`.
# It needs no header of ours, no include path, and no compiler flag.
#
# A module compiled against one zbuf may meet another. Cython checks a part of
# that at import: a ByteBuf that shrank is a ValueError, one that grew only a
# RuntimeWarning. A cdef method put between two others is not seen at all: each
# call behind it lands in the wrong method. So _buf.pxd has a number that every
# such module imports: another number is an ImportError, with nothing to call.

from zbuf._buf cimport ByteBuf
from zbuf._composite cimport CompositeByteBuf
from zbuf._endian cimport (
    load_u16_be, load_u16_le, load_u24_be, load_u24_le, load_u32_be, load_u32_le, load_u64_be, load_u64_le,
    load_f32_be, load_f32_le, load_f64_be, load_f64_le,
    store_u16_be, store_u16_le, store_u24_be, store_u24_le, store_u32_be, store_u32_le, store_u64_be, store_u64_le,
    store_f32_be, store_f32_le, store_f64_be, store_f64_le,
)
