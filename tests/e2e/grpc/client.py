"""A gRPC client of the end-to-end tests: makes the calls of one scenario and prints what it saw, one JSON value a line."""

import json
import sys
import threading
import time
from collections import Counter

import grpc

SECONDS = 20
OPTIONS = [
    ("grpc.max_receive_message_length", 16 * 1024 * 1024),
    # What a call sees must be what evener made of it.
    ("grpc.enable_retries", 0),
]


def say(value):
    print(json.dumps(value), flush=True)


class Client:
    def __init__(self, channel):
        self.channel = channel

    def unary(self, name):
        return self.channel.unary_unary(f"/test.Calls/{name}")

    def down(self, name):
        return self.channel.unary_stream(f"/test.Calls/{name}")

    def up(self, name):
        return self.channel.stream_unary(f"/test.Calls/{name}")

    def both(self, name):
        return self.channel.stream_stream(f"/test.Calls/{name}")


def failure(error):
    trailers = {key: value for key, value in error.trailing_metadata() or () if isinstance(value, str)}
    return {"code": error.code().name, "details": error.details(), "trailers": trailers}


def outcome(call):
    """What becomes of a call: its failure, with the seconds that it took."""
    started = time.monotonic()
    try:
        call()
        seen = {"code": "OK"}
    except grpc.RpcError as error:
        seen = failure(error)
    seen["seconds"] = time.monotonic() - started
    return seen


def kinds(client):
    """The four kinds of calls, small and large, and their metadata."""
    answer, call = client.unary("Echo").with_call(b"hello", timeout=SECONDS)
    trailing = {key: value if isinstance(value, str) else value.hex() for key, value in call.trailing_metadata()}
    say({"echo": answer.decode(), "initial": dict(call.initial_metadata()).get("x-server"), "trailing": trailing})
    say({"empty": len(client.unary("Echo")(b"", timeout=SECONDS))})
    large = bytes(range(251)) * (4 * 1024 * 1024 // 251)
    say({"large": client.unary("Echo")(large, timeout=SECONDS) == large})
    numbers = [int.from_bytes(piece[:4], "big") for piece in client.down("Pieces")(b"500", timeout=SECONDS)]
    say({"down": numbers == list(range(500))})
    say({"up": client.up("Gather")((b"x" * 1000 for _ in range(300)), timeout=SECONDS).decode()})
    say({"none": client.up("Gather")(iter(()), timeout=SECONDS).decode()})
    sent = [str(number).encode() * 100 for number in range(300)]
    say({"both": list(client.both("Talk")(iter(sent), timeout=SECONDS)) == sent})
    say({"turns": turns(client)})
    sent = (("x-plain", "a value"), ("x-raw-bin", b"\x01\xfe"), ("x-twice", "1"), ("x-twice", "2"))
    pairs = json.loads(client.unary("Metadata")(b"", metadata=sent, timeout=SECONDS))
    say({"metadata": sorted(pair for pair in pairs if pair[0] in ("x-plain", "x-raw-bin", "x-twice"))})
    say({"left": float(client.unary("Left")(b"", timeout=7))})


def turns(client):
    """Each message waits for the answer to the one before: nothing may be held back for more."""
    answered = threading.Semaphore(1)

    def messages():
        for number in range(20):
            answered.acquire(timeout=SECONDS)
            yield str(number).encode()

    seen = []
    for message in client.both("Talk")(messages(), timeout=SECONDS):
        seen.append(message.decode())
        answered.release()
    return seen == [str(number) for number in range(20)]


def failures(client):
    for code in ("NOT_FOUND", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"):
        say(outcome(lambda: client.unary("Fail")(code.encode(), timeout=SECONDS)))
    say(outcome(lambda: client.unary("Nothing")(b"", timeout=SECONDS)))
    received = []
    seen = outcome(lambda: received.extend(client.down("FailLate")(b"", timeout=SECONDS)))
    say({**seen, "received": [message.decode() for message in received]})


def one(client, timeout=SECONDS):
    say(outcome(lambda: client.unary("Echo")(b"x", timeout=float(timeout))))


def hang(client, timeout, request):
    """A call that begins to be answered, if the server does not stay silent, and then only waits."""
    say(outcome(lambda: [say(message.decode()) for message in client.down("Hang")(request.encode(), timeout=float(timeout))]))


def bounded(client, timeout, request):
    """A call whose deadline only evener and the server know: the client would wait for longer."""
    metadata = (("grpc-timeout", timeout),)
    say(outcome(lambda: list(client.down("Hang")(request.encode(), metadata=metadata))))
    ends = time.monotonic() + SECONDS / 2
    while time.monotonic() < ends and client.unary("LeftCalls")(b"", timeout=SECONDS) == b"0":
        time.sleep(0.01)
    say({"left": int(client.unary("LeftCalls")(b"", timeout=SECONDS))})


def late(client, timeout):
    """The same with a server that says nothing."""
    metadata = (("grpc-timeout", timeout),)
    say(outcome(lambda: client.unary("Echo")(b"", metadata=metadata)))


def pause(client, seconds):
    """Conversations in which nobody says anything for a while."""
    def messages():
        yield b"one"
        time.sleep(float(seconds))
        yield b"two"

    say({"up": client.up("Gather")(messages(), timeout=SECONDS).decode()})
    say({"both": [message.decode() for message in client.both("Talk")(messages(), timeout=SECONDS)]})


def cancel(client, request):
    """Leaves a call, once it is being answered or after a while; waits until the server knows."""
    call = client.down("Hang")(request.encode(), timeout=SECONDS)
    if request == "silence":
        time.sleep(0.5)
    else:
        next(call)
    say({"before": int(client.unary("LeftCalls")(b"", timeout=SECONDS))})
    call.cancel()
    ends = time.monotonic() + SECONDS / 2
    while time.monotonic() < ends and client.unary("LeftCalls")(b"", timeout=SECONDS) == b"0":
        time.sleep(0.01)
    say({"after": int(client.unary("LeftCalls")(b"", timeout=SECONDS))})


def converse(client, seconds):
    """A conversation with a message every 50 ms; says when it is under way."""
    count = int(float(seconds) / 0.05)

    def messages():
        for number in range(count):
            yield str(number).encode()
            time.sleep(0.05)

    seen = []

    def listen():
        for message in client.both("Talk")(messages(), timeout=SECONDS):
            if not seen:
                say("begun")
            seen.append(message.decode())

    ended = outcome(listen)
    say({**ended, "whole": seen == [str(number) for number in range(count)]})


def many(client, count):
    """So many calls at once: by whom they were answered."""
    calls = [client.unary("Name").future(b"", timeout=SECONDS) for _ in range(int(count))]
    say(Counter(call.result().decode() for call in calls))


def fail_behind(client, name, code, count):
    """So many calls, one after the other, that one server answers with a message and then fails: by whom they were
    answered."""
    seen = Counter()
    for _ in range(int(count)):
        try:
            for message in client.down("FailBehind")(f"{name} {code}".encode(), timeout=SECONDS):
                seen[message.decode()] += 1
        except grpc.RpcError as error:
            seen[error.code().name] += 1
    say(seen)


def wait_in_line(client, timeout, seconds):
    """A call that waits until another one has left the only place at the server: the time that the server is told is
    left, and that which the call took."""
    over, begun = threading.Event(), threading.Event()

    def messages():
        yield b"one"
        over.wait(SECONDS)

    def occupy():
        for _ in client.both("Talk")(messages(), timeout=SECONDS):
            begun.set()

    thread = threading.Thread(target=occupy)
    thread.start()
    begun.wait(SECONDS)
    started = time.monotonic()
    call = client.unary("Left").future(b"", timeout=float(timeout))
    time.sleep(float(seconds))
    over.set()
    left = float(call.result())
    thread.join()
    say({"left": left, "seconds": time.monotonic() - started})


def set_health(client, status):
    client.unary("SetHealth")(status.encode(), timeout=SECONDS)


def names_until(client, wanted):
    """Calls until ten in a row were answered by the servers that are wanted, each of them at least once."""
    wanted, seen, ends = set(wanted.split(",")), [], time.monotonic() + SECONDS
    while time.monotonic() < ends:
        seen.append(client.unary("Name")(b"", timeout=SECONDS).decode())
        if set(seen[-10:]) == wanted and len(seen) >= 10:
            return say("so it is")
        time.sleep(0.01)
    say(seen[-10:])


def main():
    address, ca, scenario, *arguments = sys.argv[1:]
    if ca == "-":
        channel = grpc.insecure_channel(address, options=OPTIONS)
    else:
        with open(ca, "rb") as file:
            credentials = grpc.ssl_channel_credentials(file.read())
        options = [*OPTIONS, ("grpc.ssl_target_name_override", "localhost")]
        channel = grpc.secure_channel(address, credentials, options=options)
    with channel:
        globals()[scenario](Client(channel), *arguments)


main()
