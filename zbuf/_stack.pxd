# Where the program is: its innermost frames, as text, without keeping the frames.

from cpython.object cimport PyObject

cdef enum:
    FRAMES = 8

cdef struct zb_frame:
    PyObject *file             # a str, and one reference of ours: to give it back runs no code
    PyObject *name             # of the function; the same
    int line

cdef struct zb_stack:
    int depth
    zb_frame frames[FRAMES]    # the innermost first

# Fills a stack with where the running thread is. Runs no Python code, for the
# collector is held meanwhile: so it may be called where none may run.
cdef void stack_take(zb_stack *stack) noexcept
cdef void stack_copy(zb_stack *to, zb_stack *stack) noexcept
# Gives the references back; the stack is empty then.
cdef void stack_drop(zb_stack *stack) noexcept
# The innermost frame on one line; None for an empty stack.
cdef str stack_place(zb_stack *stack)
# All frames, one a line, indented.
cdef str stack_text(zb_stack *stack)
