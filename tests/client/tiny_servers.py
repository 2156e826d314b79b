"""Tiny programs to be tested: each listens, or does not, in a way of its own."""

import shlex
import sys
from pathlib import Path

LISTEN = """\
import socket, sys, time, os, signal, threading
def listen(port, host="127.0.0.1"):
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((host, int(port)))
    server.listen()
    return server
"""
FOREVER = "\ntime.sleep(60)\n"


def command(folder: Path, body: str, arguments: str = "{port}") -> str:
    """A command that runs *body*, which finds its ports in ``sys.argv`` and has ``listen``."""
    file = folder / "tiny_server.py"
    file.write_text(LISTEN + body, "utf-8")
    return f"{shlex.quote(sys.executable)} -S {shlex.quote(str(file))} {arguments}"
