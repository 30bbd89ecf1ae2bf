"""The demonstration: files over a real connection, five ways, verified and measured.

    frames.py     what goes over the wire, and what every process is told
    ways.py       the five senders
    sender.py     a process that sends in one way and measures itself
    receiver.py   a process that checks every frame; it knows nothing of zbuf
    race.py       starts both for one way, and sees to it that nothing hangs
    report.py     progress, the table, JSON
    command.py    arguments in, exit status out
"""
