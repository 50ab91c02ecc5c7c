"""A gRPC service for the interop cases; prints its port, and goes on until its standard input ends."""

import sys
import threading
import time
from concurrent import futures

import grpc

from grpc_wire import SERVICE, body, fields, message

ECHO = "x-grpc-test-echo-initial"
ECHO_BIN = "x-grpc-test-echo-trailing-bin"


class Test:
    """The methods. `number` tells one server on a port from the next."""

    def __init__(self, service, number):
        self.service, self.number = service, number

    def echo_metadata(self, context):
        sent = dict(context.invocation_metadata())
        if ECHO in sent:
            context.send_initial_metadata(((ECHO, sent[ECHO]),))
        if ECHO_BIN in sent:
            context.set_trailing_metadata(((ECHO_BIN, sent[ECHO_BIN]),))

    def end(self, asked, context):
        """Ends the call as the request says."""
        if "details" in asked:
            context.set_trailing_metadata((("grpc-status-details-bin", asked["details"].encode()),))
        if "status" in asked:
            code = next(code for code in grpc.StatusCode if code.value[0] == asked["status"])
            context.abort(code, asked["text"])

    def unary(self, data, context):
        asked = fields(data)
        self.echo_metadata(context)
        self.end(asked, context)
        if asked.get("compressed"):
            context.set_compression(grpc.Compression.Gzip)
        return message(b"\0" * asked.get("size", 0), number=self.number, got=len(body(data)))

    def upload(self, requests, context):
        return message(total=sum(len(body(data)) for data in requests))

    def download(self, data, context):
        for size in fields(data)["sizes"]:
            yield message(b"\0" * size)

    def duplex(self, requests, context):
        self.echo_metadata(context)
        context.add_callback(lambda: self.service.ended(context))
        for data in requests:
            asked = fields(data)
            if asked.get("silent"):
                continue
            time.sleep(asked.get("pause", 0))
            self.end(asked, context)
            yield message(b"\0" * asked.get("size", 0), number=self.number)

    def broken(self, data, context):
        """How many streams ended before they were answered."""
        return message(broken=self.service.broken)

    def renew(self, data, context):
        """The next calls are another server's; what runs here goes on to its end."""
        self.service.renew()
        return message()


class Service:
    def __init__(self):
        self.broken, self.lock = 0, threading.Lock()
        self.port, self.servers = 0, []
        self.renew()

    def ended(self, context):
        if not context.code():
            with self.lock:
                self.broken += 1

    def renew(self):
        test = Test(self, len(self.servers) + 1)
        unary, stream = grpc.unary_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler
        methods = {
            "Unary": unary(test.unary),
            "Broken": unary(test.broken),
            "Renew": unary(test.renew),
            "Upload": grpc.stream_unary_rpc_method_handler(test.upload),
            "Download": grpc.unary_stream_rpc_method_handler(test.download),
            "Duplex": stream(test.duplex),
        }
        options = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
        server = grpc.server(futures.ThreadPoolExecutor(max_workers=64), options=options)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
        self.port = server.add_insecure_port(f"127.0.0.1:{self.port}")
        server.start()
        for old in self.servers:
            old.stop(30)
        self.servers.append(server)


if __name__ == "__main__":
    service = Service()
    print(service.port, flush=True)
    sys.stdin.read()
    for server in service.servers:
        server.stop(0)
