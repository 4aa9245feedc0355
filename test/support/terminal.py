"""Runs a command in a pseudo terminal of 80 by 24: what it writes goes to stdout, what comes on stdin it reads as typed.

SIGUSR1 makes the terminal 40 by 12, SIGUSR2 sends SIGTERM to the command. At the end one line of JSON on stderr says how
the command ended, and whether the terminal is as it was before.
"""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios


def resize(columns, rows):
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def take_terminal():
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


main, side = pty.openpty()
resize(80, 24)
before = termios.tcgetattr(side)
command = subprocess.Popen(sys.argv[1:], stdin=side, stdout=side, stderr=side, preexec_fn=take_terminal)
signal.signal(signal.SIGUSR1, lambda *_: resize(40, 12))
signal.signal(signal.SIGUSR2, lambda *_: command.terminate())

sources = [main, 0]
while True:
    ready = select.select(sources, [], [], 0.05)[0]
    if main in ready:
        os.write(1, os.read(main, 65536))
    if 0 in ready:
        typed = os.read(0, 65536)
        if typed:
            os.write(main, typed)
        else:
            sources.remove(0)
    if not ready and command.poll() is not None:
        break

restored = termios.tcgetattr(side) == before
print(json.dumps({"exitCode": command.returncode, "restored": restored}), file=sys.stderr)
