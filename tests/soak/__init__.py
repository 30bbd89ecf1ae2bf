"""A server of zbuf.aio under many connections that behave badly, for as long as one likes."""
