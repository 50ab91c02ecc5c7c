"""The gRPC interop cases, as a client: `grpc_client.py ADDRESS CA CASE..` prints a line for each, `ok CASE` or what was seen.

CA is the certificate by which TLS is trusted, and `-` for none of it.

The cases are those of gRPC's interop client, by its names, and some for what a gateway may do wrong.
"""

import queue
import sys
import threading
import time
import traceback

import grpc

from grpc_wire import LARGE_ANSWER, LARGE_REQUEST, SERVICE, body, fields, message

PATIENCE = 20
OPTIONS = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.enable_retries", 0))
UNICODE = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n"


class Call:
    """The methods of the service, over one channel."""

    def __init__(self, address, ca="-", authority="web.test"):
        self.address = address
        options = (*OPTIONS, ("grpc.default_authority", authority), ("grpc.ssl_target_name_override", authority))
        if ca == "-":
            self.channel = grpc.insecure_channel(address, options=options)
        else:
            trusted = grpc.ssl_channel_credentials(open(ca, "rb").read())
            self.channel = grpc.secure_channel(address, trusted, options=options)
        self.unary = self.channel.unary_unary(f"/{SERVICE}/Unary")
        self.broken = self.channel.unary_unary(f"/{SERVICE}/Broken")
        self.renew = self.channel.unary_unary(f"/{SERVICE}/Renew")
        self.upload = self.channel.stream_unary(f"/{SERVICE}/Upload")
        self.download = self.channel.unary_stream(f"/{SERVICE}/Download")
        self.duplex = self.channel.stream_stream(f"/{SERVICE}/Duplex")


class Sending:
    """The requests of a stream, one at a time."""

    def __init__(self):
        self.queue = queue.Queue()

    def send(self, data):
        self.queue.put(data)

    def close(self):
        self.queue.put(None)

    def __iter__(self):
        return self

    def __next__(self):
        data = self.queue.get()
        if data is None:
            raise StopIteration
        return data


def same(seen, wanted):
    assert seen == wanted, f"{seen!r}, not {wanted!r}"


def failure(call, code, text=None):
    """The error that a call ends in."""
    try:
        call()
    except grpc.RpcError as error:
        same(error.code(), code)
        if text is not None:
            same(error.details(), text)
        return error
    raise AssertionError(f"no error, not {code}")


def eventually(holds):
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "never"
        time.sleep(0.01)


# The cases of gRPC's interop client.


def empty_unary(call):
    same(body(call.unary(message(), timeout=PATIENCE)), b"")


def large_unary(call):
    answer = call.unary(message(b"\0" * LARGE_REQUEST, size=LARGE_ANSWER), timeout=PATIENCE)
    same((len(body(answer)), fields(answer)["got"]), (LARGE_ANSWER, LARGE_REQUEST))


def client_streaming(call):
    sizes = (27182, 8, 1828, 45904)
    answer = call.upload((message(b"\0" * size) for size in sizes), timeout=PATIENCE)
    same(fields(answer)["total"], sum(sizes))


def server_streaming(call):
    sizes = [31415, 9, 2653, 58979]
    same([len(body(data)) for data in call.download(message(sizes=sizes), timeout=PATIENCE)], sizes)


def ping_pong(call):
    sending = Sending()
    answers = call.duplex(sending, timeout=PATIENCE)
    for sent, wanted in ((27182, 31415), (8, 9), (1828, 2653), (45904, 58979)):
        sending.send(message(b"\0" * sent, size=wanted))
        same(len(body(next(answers))), wanted)
    sending.close()
    same(list(answers), [])
    same(answers.code(), grpc.StatusCode.OK)


def empty_stream(call):
    same(list(call.duplex(iter(()), timeout=PATIENCE)), [])


def timeout_on_sleeping_server(call):
    before = fields(call.broken(message()))["broken"]
    sending = Sending()
    sending.send(message(pause=0.5))
    failure(lambda: next(call.duplex(sending, timeout=0.1)), grpc.StatusCode.DEADLINE_EXCEEDED)
    sending.close()
    eventually(lambda: fields(call.broken(message()))["broken"] > before)


def cancel_after_begin(call):
    sending = Sending()
    future = call.upload.future(sending, timeout=PATIENCE)
    future.cancel()
    same(future.code(), grpc.StatusCode.CANCELLED)
    sending.close()


def cancel_after_first_response(call):
    before = fields(call.broken(message()))["broken"]
    sending = Sending()
    answers = call.duplex(sending, timeout=PATIENCE)
    sending.send(message(size=31415))
    same(len(body(next(answers))), 31415)
    answers.cancel()
    failure(lambda: next(answers), grpc.StatusCode.CANCELLED)
    sending.close()
    eventually(lambda: fields(call.broken(message()))["broken"] > before)


def custom_metadata(call):
    sent = (("x-grpc-test-echo-initial", "test_initial_metadata_value"), ("x-grpc-test-echo-trailing-bin", b"\xab\xab\xab\0\xff,"))
    _, unary = call.unary.with_call(message(size=1), metadata=sent, timeout=PATIENCE)
    answers = call.duplex(iter((message(size=1),)), metadata=sent, timeout=PATIENCE)
    same(len(list(answers)), 1)
    for ended in (unary, answers):
        same(dict(ended.initial_metadata())[sent[0][0]], sent[0][1])
        same(dict(ended.trailing_metadata())[sent[1][0]], sent[1][1])


def status_code_and_message(call):
    asked = message(status=2, text="test status message")
    failure(lambda: call.unary(asked, timeout=PATIENCE), grpc.StatusCode.UNKNOWN, "test status message")
    failure(lambda: list(call.duplex(iter((asked,)), timeout=PATIENCE)), grpc.StatusCode.UNKNOWN, "test status message")


def special_status_message(call):
    failure(lambda: call.unary(message(status=2, text=UNICODE), timeout=PATIENCE), grpc.StatusCode.UNKNOWN, UNICODE)


def unimplemented_method(call):
    unknown = call.channel.unary_unary(f"/{SERVICE}/Unknown")
    failure(lambda: unknown(message(), timeout=PATIENCE), grpc.StatusCode.UNIMPLEMENTED)


def unimplemented_service(call):
    unknown = call.channel.unary_unary("/gw.interop.Unknown/Unary")
    failure(lambda: unknown(message(), timeout=PATIENCE), grpc.StatusCode.UNIMPLEMENTED)


def compressed_unary(call):
    answer = call.unary(message(b"\0" * LARGE_REQUEST, size=LARGE_ANSWER, compressed=True), compression=grpc.Compression.Gzip, timeout=PATIENCE)
    same((len(body(answer)), fields(answer)["got"]), (LARGE_ANSWER, LARGE_REQUEST))


# What a gateway may do wrong.


def every_status(call):
    for code in grpc.StatusCode:
        if code is not grpc.StatusCode.OK:
            asked = message(status=code.value[0], text=code.name)
            failure(lambda: call.unary(asked, timeout=PATIENCE), code, code.name)
            failure(lambda: list(call.duplex(iter((message(size=9), asked)), timeout=PATIENCE)), code, code.name)


def status_details(call):
    error = failure(lambda: call.unary(message(status=9, text="no", details="what\0ever"), timeout=PATIENCE), grpc.StatusCode.FAILED_PRECONDITION)
    same(dict(error.trailing_metadata())["grpc-status-details-bin"], b"what\0ever")


def messages_larger_than_every_window(call):
    size = 8 << 20
    answer = call.unary(message(b"\0" * size, size=size), timeout=PATIENCE)
    same((len(body(answer)), fields(answer)["got"]), (size, size))
    same([len(body(data)) for data in call.download(message(sizes=[size, size]), timeout=PATIENCE)], [size, size])


def a_reader_that_waits_holds_up_nobody_else(call):
    slow = call.download(message(sizes=[1 << 20] * 16), timeout=PATIENCE)
    for _ in range(20):
        large_unary(call)
    same(sum(len(body(data)) for data in slow), 16 << 20)


def many_streams_at_once(call):
    failed = []

    def one():
        try:
            ping_pong(call)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=one) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    same(failed, [])


def an_answer_before_the_upload_ends(call):
    sending = Sending()
    answers = call.duplex(sending, timeout=PATIENCE)
    sending.send(message(status=8, text="enough"))
    failure(lambda: next(answers), grpc.StatusCode.RESOURCE_EXHAUSTED, "enough")
    sending.close()


def a_server_that_says_goodbye_ends_its_streams_in_peace(call):
    goodbye(call, lambda: call.unary(message(), timeout=PATIENCE))


def a_server_that_says_goodbye_may_have_to_be_asked_again(call):
    """Without a gateway: the library gives up a call that it begins in the moment in which the server says goodbye."""

    def asked():
        try:
            return call.unary(message(), timeout=PATIENCE)
        except grpc.RpcError as error:
            same(error.code(), grpc.StatusCode.UNAVAILABLE)
            return call.unary(message(), timeout=PATIENCE)

    goodbye(call, asked)


def goodbye(call, asked):
    sending = Sending()
    answers = call.duplex(sending, timeout=PATIENCE)
    sending.send(message())
    old = fields(next(answers))["number"]
    call.renew(message(), timeout=PATIENCE)
    eventually(lambda: fields(asked())["number"] == old + 1)
    for _ in range(10):
        sending.send(message(size=100_000))
        same(fields(next(answers))["number"], old)
    sending.close()
    same(list(answers), [])


# What only a gateway does: authorities that only it knows.


def an_unknown_host_is_unimplemented(call):
    failure(lambda: Call(call.address, authority="else.test").unary(message(), timeout=PATIENCE), grpc.StatusCode.UNIMPLEMENTED)
    failure(lambda: list(Call(call.address, authority="else.test").duplex(iter((message(),)), timeout=PATIENCE)), grpc.StatusCode.UNIMPLEMENTED)


def a_service_without_instances_is_unavailable(call):
    failure(lambda: Call(call.address, authority="none.test").unary(message(), timeout=PATIENCE), grpc.StatusCode.UNAVAILABLE, "no healthy upstream")


def a_service_that_is_gone_is_unavailable(call):
    failure(lambda: call.unary(message(), timeout=PATIENCE), grpc.StatusCode.UNAVAILABLE)


def a_stream_goes_on_through_a_drain(call):
    """Says when it streams, and goes on when it is told to."""
    sending = Sending()
    answers = call.duplex(sending, timeout=PATIENCE)
    sending.send(message(size=1))
    next(answers)
    print("streaming", flush=True)
    sys.stdin.readline()
    for _ in range(10):
        sending.send(message(size=100_000))
        same(len(body(next(answers))), 100_000)
    sending.close()
    same(list(answers), [])
    same(answers.code(), grpc.StatusCode.OK)


def main(address, ca, *cases):
    call = Call(address, ca)
    for name in cases:
        try:
            globals()[name](call)
            print("ok", name, flush=True)
        except BaseException:
            print(name, traceback.format_exc()[-400:].replace("\n", " | "), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
