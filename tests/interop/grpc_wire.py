"""What client and server of the gRPC cases agree on: methods, and messages as bytes, so that nothing needs to be generated.

A message is a line of JSON and, behind it, a body.
"""

import json

SERVICE = "gw.interop.Test"
LARGE_REQUEST = 271_828
LARGE_ANSWER = 314_159


def message(body=b"", **fields):
    return json.dumps(fields).encode() + b"\n" + body


def fields(data):
    return json.loads(data.partition(b"\n")[0])


def body(data):
    return data.partition(b"\n")[2]
