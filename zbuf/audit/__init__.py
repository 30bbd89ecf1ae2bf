"""The proof of zero-copy: what a send really copies, and what each way of sending costs.

    proof.py     the witness: send, overwrite the source, receive; assert_zero_copy
    ways.py      the ways from a file to a socket, zbuf's and their rivals
    zerocopy.py  MSG_ZEROCOPY and its notifications
    sender.py    a process that sends in one way and measures itself
    report.py    the table, JSON
    command.py   arguments in, exit status out

Processes, receiver and progress are those of zbuf.demo.
"""

from zbuf.audit.proof import Sighting, assert_zero_copy, witness

__all__ = ["Sighting", "assert_zero_copy", "witness"]
