"""A server that wants a PROXY header first, of version 1 or 2, and answers with the addresses in it."""

import socket
import socketserver
import struct
import sys

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def exactly(file, count):
    data = file.read(count)
    if len(data) != count:
        raise ValueError("the header is cut")
    return data


def read_v2(file):
    version_command, family, length = struct.unpack("!BBH", exactly(file, 4))
    body = exactly(file, length)
    if version_command == 0x20:
        return "v2 local"
    if version_command != 0x21:
        return "v2 bad command"
    if family == 0x11:
        family, size = socket.AF_INET, 4
    elif family == 0x21:
        family, size = socket.AF_INET6, 16
    else:
        return "v2 bad family"
    source, destination = body[:size], body[size : 2 * size]
    ports = struct.unpack("!HH", body[2 * size : 2 * size + 4])
    names = [socket.inet_ntop(family, source), socket.inet_ntop(family, destination)]
    return f"v2 {names[0]} {names[1]} {ports[0]} {ports[1]}"


def read_v1(line):
    words = line.decode("ascii").rstrip("\r\n").split(" ")
    if words[1] == "UNKNOWN":
        return "v1 unknown"
    family = {"TCP4": socket.AF_INET, "TCP6": socket.AF_INET6}[words[1]]
    source, destination = (socket.inet_ntop(family, socket.inet_pton(family, name)) for name in words[2:4])
    return f"v1 {source} {destination} {int(words[4])} {int(words[5])}"


class Answer(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            start = exactly(self.rfile, 12)
            if start == SIGNATURE:
                told = read_v2(self.rfile)
            else:
                told = read_v1(start + self.rfile.readline(95))
        except (ValueError, IndexError, KeyError, OSError) as error:
            told = f"bad {error}"
        said = self.rfile.readline(100)
        self.wfile.write(told.encode() + b" said " + said)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 100


with Server(("127.0.0.1", int(sys.argv[1])), Answer) as server:
    server.serve_forever()
