"""A plain server that the tests kill or stop in the middle. It prints each request that it got, then answers with the
request's method and target; the query says otherwise:

hold=PORT      this server says nothing
cut=length     a part of a body with a length, then nothing
cut=long       the same with a long body
cut=chunked    a part of a chunked body, then nothing
"""

import socket
import sys
import threading
import urllib.parse

PORT = int(sys.argv[1])


def answer(method: str, target: str) -> bytes:
    body = f"{method} {target}".encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


def cut_answer(framing: str) -> bytes:
    if framing == "chunked":
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n100\r\npart"
    if framing == "long":
        return b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n" + b"part" * 100_000
    return b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\npart"


def serve(connection: socket.socket) -> None:
    stream = connection.makefile("rb")
    while line := stream.readline():
        method, target, _ = line.decode("latin-1").split(" ")
        length = 0
        while (field := stream.readline()) not in (b"\r\n", b""):
            name, value = field.decode("latin-1").split(":", 1)
            if name.lower() == "content-length":
                length = int(value)
        stream.read(length)
        sys.stdout.write(f"{method} {target}\n")
        sys.stdout.flush()
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(target).query))
        if query.get("hold") == str(PORT):
            threading.Event().wait()
        if "cut" in query:
            connection.sendall(cut_answer(query["cut"]))
            threading.Event().wait()
        connection.sendall(answer(method, target))


def main() -> None:
    listener = socket.create_server(("127.0.0.1", PORT), backlog=128)
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
