"""A gRPC server of the end-to-end tests. It has no generated code: its messages are plain bytes."""

import argparse
import json
import threading
from concurrent import futures

import grpc

PIECE = bytes(range(256)) * 4


class Health:
    """What `grpc.health.v1.Health/Check` answers: the number of a ServingStatus."""

    def __init__(self):
        self.status = 1

    def check(self, request, context):
        return bytes([0x08, self.status])

    def set(self, request, context):
        self.status = int(request)
        return b""


class Calls:
    def __init__(self, name):
        self.name = name
        self.left_calls = 0

    def echo(self, request, context):
        context.send_initial_metadata((("x-server", self.name),))
        context.set_trailing_metadata((("x-trailer", "last"), ("x-raw-bin", b"\x00\xff")))
        return request

    def name_of(self, request, context):
        return self.name.encode()

    def left_calls_of(self, request, context):
        return str(self.left_calls).encode()

    def metadata(self, request, context):
        pairs = [[key, value if isinstance(value, str) else value.hex()] for key, value in context.invocation_metadata()]
        return json.dumps(pairs).encode()

    def left(self, request, context):
        """The seconds that the client still gives the call, as this server was told."""
        return str(context.time_remaining()).encode()

    def pieces(self, request, context):
        for number in range(int(request)):
            yield number.to_bytes(4, "big") + PIECE

    def gather(self, requests, context):
        count, length = 0, 0
        for message in requests:
            count, length = count + 1, length + len(message)
        return f"{count} {length}".encode()

    def talk(self, requests, context):
        for message in requests:
            yield message

    def fail(self, request, context):
        """Fails at once, so that the answer is of trailers only."""
        context.set_trailing_metadata((("x-why", "because"),))
        context.abort(grpc.StatusCode[request.decode()], "it shall not be: 100 % é")

    def fail_late(self, request, context):
        yield b"one"
        yield b"two"
        context.set_trailing_metadata((("x-why", "because"),))
        context.abort(grpc.StatusCode.DATA_LOSS, "no three")

    def fail_behind(self, request, context):
        """Says who it is, then fails, if this is the server that is asked to: the status comes behind a message."""
        name, code = request.decode().split(" ")
        yield self.name.encode()
        if name == self.name:
            context.abort(grpc.StatusCode[code], "not after all")

    def hang(self, request, context):
        """Says one thing, then nothing until the client has left; one that asks for silence hears nothing at all."""
        ended = threading.Event()
        context.add_callback(ended.set)
        if request != b"silence":
            yield b"begun"
        ended.wait(60)
        self.left_calls += 1


def handlers(calls, health):
    unary, stream = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
    return [
        grpc.method_handlers_generic_handler("test.Calls", {
            "Echo": unary(calls.echo),
            "Name": unary(calls.name_of),
            "LeftCalls": unary(calls.left_calls_of),
            "Metadata": unary(calls.metadata),
            "Left": unary(calls.left),
            "Fail": unary(calls.fail),
            "SetHealth": unary(health.set),
            "Pieces": stream(calls.pieces),
            "FailLate": stream(calls.fail_late),
            "FailBehind": stream(calls.fail_behind),
            "Hang": stream(calls.hang),
            "Gather": grpc.stream_unary_rpc_method_handler(calls.gather),
            "Talk": grpc.stream_stream_rpc_method_handler(calls.talk),
        }),
        grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": unary(health.check)}),
    ]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--name", default="server")
    parser.add_argument("--cert")
    parser.add_argument("--key")
    options = parser.parse_args()
    largest = [("grpc.max_receive_message_length", 16 * 1024 * 1024), ("grpc.so_reuseport", 0)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=32), options=largest)
    server.add_generic_rpc_handlers(handlers(Calls(options.name), Health()))
    address = f"127.0.0.1:{options.port}"
    if options.cert:
        with open(options.key, "rb") as key, open(options.cert, "rb") as cert:
            credentials = grpc.ssl_server_credentials([(key.read(), cert.read())])
        server.add_secure_port(address, credentials)
    else:
        server.add_insecure_port(address)
    server.start()
    server.wait_for_termination()


main()
