"""A static file server: HTTP/1.1 on zbuf.aio, `python -m examples.file_server DIR`.

    request.py      requests out of a stream of bytes, parsed by httptools
    head.py         heads of answers
    file.py         an open file, and what is said of it
    root.py         files below a root, and nothing else
    coding.py       files compressed by gzip
    conditions.py   If-Match and its kin, Range
    response.py     an answer as it is written
    answers.py      what is answered to a request
    deadline.py     when a connection is cut off
    server.py       connections: requests in, answers out
"""
