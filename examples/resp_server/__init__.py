"""A Redis server: RESP2 on zbuf.aio, `python -m examples.resp_server`.

    request.py       commands out of a stream of bytes
    reply.py         replies as bytes
    integer.py       integers as text
    database.py      keys, and what they hold
    deadlines.py     until when keys are there
    command.py       the table of commands, and how one is answered
    strings.py  keys.py  lists.py  sets.py  hashes.py  admin.py    commands
    server.py        connections
"""
