# Descriptors whose bytes are those that the program means.

from cpython.object cimport PyObject_AsFileDescriptor


cdef inline int plain_descriptor(object end) except -1:
    # The descriptor of a socket, file or the like. Raises TypeError for what
    # has none, and for an SSLSocket: its descriptor has the encrypted bytes,
    # and what is written to it would go out as it is.
    import sys
    ssl = sys.modules.get("ssl")
    if isinstance(end, getattr(ssl, "SSLSocket", ())):
        raise TypeError("an SSLSocket's descriptor has only encrypted bytes: a plain socket is required")
    return PyObject_AsFileDescriptor(end)
