# Finding bytes in bytes, in one piece of memory.

# The offset of the first (last) needle in hay, or -1. An empty needle is found
# at 0 (at n). REQUIRES: n >= 0, m >= 0.
cdef Py_ssize_t find_bytes(const unsigned char *hay, Py_ssize_t n, const unsigned char *needle, Py_ssize_t m) noexcept nogil
cdef Py_ssize_t rfind_bytes(const unsigned char *hay, Py_ssize_t n, const unsigned char *needle, Py_ssize_t m) noexcept nogil
