"""Services whose servers have addresses to which no way leads, in a network of this script's own without any route.

Arguments: the program, a folder, a port to count from. It says what was answered, line by line; nothing leaves the machine.
"""

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import sys
import threading
import time

NEW_MOUNTS, NEW_USER, NEW_NET = 0x00020000, 0x10000000, 0x40000000
PRIVATE, BIND = 0x4000 | 0x40000, 0x1000
PATIENCE = 5


def check(outcome):
    if outcome != 0:
        raise OSError(ctypes.get_errno(), "no network of our own")


def leave_the_network(hosts):
    """Only the loopback device is left, and names are those of this file."""
    libc = ctypes.CDLL(None, use_errno=True)
    user = 0 if os.geteuid() == 0 else NEW_USER
    check(libc.unshare(user | NEW_NET | NEW_MOUNTS))
    check(libc.mount(b"none", b"/", None, PRIVATE, None))
    check(libc.mount(hosts.encode(), b"/etc/hosts", None, BIND, None))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        # SIOCSIFFLAGS with IFF_UP.
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 1))


def mirror_datagrams(family, address):
    server = socket.socket(family, socket.SOCK_DGRAM)
    server.bind(address)

    def serve():
        while True:
            data, client = server.recvfrom(1000)
            server.sendto(data.upper(), client)

    threading.Thread(target=serve, daemon=True).start()


def mirror_bytes(family, address):
    server = socket.create_server(address, family=family)

    def serve():
        while True:
            client, _ = server.accept()
            client.sendall(client.recv(100).upper())
            client.close()

    threading.Thread(target=serve, daemon=True).start()


def ask(kind, port, text):
    with socket.socket(socket.AF_INET, kind) as client:
        client.settimeout(PATIENCE)
        client.connect(("127.0.0.1", port))
        client.send(text)
        return client.recv(100).decode()


def ask_again_and_again(port, text):
    """As clients over UDP do: the question that finds the first address refused is lost."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        client.connect(("127.0.0.1", port))
        for _ in range(4):
            client.send(text)
            try:
                return client.recv(100).decode()
            except (TimeoutError, ConnectionRefusedError):
                pass
    return "nothing"


def wait_for(what, path, program):
    deadline = time.monotonic() + PATIENCE
    while what not in open(path).read():
        if time.monotonic() > deadline or program.poll() is not None:
            raise TimeoutError(what + " is missing in:\n" + open(path).read())
        time.sleep(0.02)


def main(evener, folder, first):
    nowhere, some, far, refusing, site, six, four = range(first, first + 7)
    hosts = os.path.join(folder, "hosts")
    with open(hosts, "w") as file:
        # The first address of the one has no route, that of the other has nobody who listens.
        file.write("192.0.2.1 far.test\n::1 far.test\n127.0.0.1 both.test\n::1 both.test\n")
    leave_the_network(hosts)
    mirror_datagrams(socket.AF_INET6, ("::1", six))
    mirror_bytes(socket.AF_INET6, ("::1", six))
    mirror_datagrams(socket.AF_INET, ("127.0.0.1", four))
    config = os.path.join(folder, "evener.toml")
    with open(config, "w") as file:
        file.write(f"""
            workers = 1
            shutdown_grace = "1s"
            [[udp]]
            listen = "127.0.0.1:{nowhere}"
            to = ["192.0.2.1:53", "192.0.2.2:53", "[2001:db8::1]:53"]
            [upstream.some]
            servers = ["192.0.2.1:53", "127.0.0.1:{four}"]
            balance = "first"
            [[udp]]
            listen = "127.0.0.1:{some}"
            to = "some"
            [[udp]]
            listen = "127.0.0.1:{far}"
            to = "far.test:{six}"
            [[tcp]]
            listen = "127.0.0.1:{far}"
            to = "far.test:{six}"
            [[udp]]
            listen = "127.0.0.1:{refusing}"
            to = "both.test:{six}"
            [[site]]
            listen = "127.0.0.1:{site}"
            respond = {{ body = "here" }}
            """)
    log = os.path.join(folder, "log")
    with open(log, "w") as file:
        program = subprocess.Popen([evener, "run", config], stdout=subprocess.DEVNULL, stderr=file)
    try:
        wait_for("listening on", log, program)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect(("127.0.0.1", nowhere))
            for number in range(3):
                client.send(b"one datagram")
                # The only worker goes on.
                answer = ask(socket.SOCK_STREAM, site, b"GET / HTTP/1.0\r\nHost: here\r\n\r\n")
                print("site", answer.split("\r\n")[0])
            wait_for("(udp_refused)", log, program)
            wait_for("(no_server)", log, program)
        print("next server", ask(socket.SOCK_DGRAM, some, b"some"))
        print("next address", ask(socket.SOCK_DGRAM, far, b"far"))
        print("next address over tcp", ask(socket.SOCK_STREAM, far, b"tcp"))
        print("after a refusal", ask_again_and_again(refusing, b"refused"))
        print("remembered", ask(socket.SOCK_DGRAM, refusing, b"another"))
        program.terminate()
        print("end", program.wait(PATIENCE))
    finally:
        program.kill()
        program.wait()


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
