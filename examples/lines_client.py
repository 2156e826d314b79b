"""Type lines to the lines protocol, and see what comes back. The standard library is enough.

python examples/lines_client.py [HOST:PORT]

Begin with LOGIN alice and JOIN lobby; HELP lists the commands.
"""

import socket
import sys
from threading import Thread

address = sys.argv[1] if len(sys.argv) > 1 else "localhost:9090"
host, port = address.split(":")


def listen():
    for answer in server.makefile(encoding="utf-8"):
        print(answer, end="")


with socket.create_connection((host, port)) as server:
    listener = Thread(target=listen)
    listener.start()
    for line in sys.stdin:
        server.sendall(line.encode())
    server.sendall(b"QUIT\n")  # the server answers everything, and closes
    listener.join()
