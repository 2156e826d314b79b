"""Send lines to the lines protocol and print its responses, with the standard library only.

python examples/lines_client.py [HOST:PORT]

Start with LOGIN alice and JOIN lobby; HELP lists the commands.
"""

import socket
import sys
from threading import Thread

address = sys.argv[1] if len(sys.argv) > 1 else "localhost:9090"
host, port = address.split(":")


def listen():
    for line in server.makefile(encoding="utf-8"):
        print(line, end="")


with socket.create_connection((host, port)) as server:
    listener = Thread(target=listen)
    listener.start()
    for line in sys.stdin:
        server.sendall(line.encode())
    server.sendall(b"QUIT\n")  # the server responds to everything, then closes
    listener.join()
