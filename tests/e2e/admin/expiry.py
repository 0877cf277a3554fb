"""Prints until when the certificate that a port shows is valid, in seconds since 1970."""

import socket
import ssl
import sys


def main(port: str, name: str, authority: str) -> None:
    context = ssl.create_default_context(cafile=authority)
    with socket.create_connection(("127.0.0.1", int(port)), timeout=20) as plain:
        with context.wrap_socket(plain, server_hostname=name) as secure:
            print(ssl.cert_time_to_seconds(secure.getpeercert()["notAfter"]))


main(*sys.argv[1:])
