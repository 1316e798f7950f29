"""A server of the Model Context Protocol, revision 2026-07-28, over HTTP, which asks a person before it books.

Arguments: a port, and a file that gets one line for each thing it did.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port, deeds = int(sys.argv[1]), sys.argv[2]
BOOK = {"name": "book", "description": "Books seats.", "inputSchema": {"type": "object"}}
SEATS = {"type": "object", "properties": {"seats": {"type": "integer", "minimum": 1}}, "required": ["seats"]}


def wrote(line):
    with open(deeds, "a") as file:
        file.write(line + "\n")


def book(params):
    if "inputResponses" not in params:
        wrote("asked")
        asks = {"method": "elicitation/create", "params": {"mode": "form", "message": "How many seats?", "requestedSchema": SEATS}}
        return {"resultType": "input_required", "inputRequests": {"seats": asks}, "requestState": "state of the booking"}
    assert params["requestState"] == "state of the booking", params
    said = params["inputResponses"]["seats"]
    if said["action"] == "accept":
        wrote(f"booked {said['content']['seats']}")
    text = json.dumps(said)
    return {"resultType": "complete", "content": [{"type": "text", "text": text}]}


def result(method, params):
    if method == "server/discover":
        return {"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "ttlMs": 0, "cacheScope": "private"}
    if method == "tools/list":
        return {"resultType": "complete", "tools": [BOOK], "ttlMs": 0, "cacheScope": "private"}
    if method == "tools/call":
        return book(params)
    wrote(f"unknown {method}")
    return None


class Server(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.send_response(405)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        told = result(asked["method"], asked.get("params") or {}) if "id" in asked else None
        answer = {"jsonrpc": "2.0", "id": asked.get("id")}
        if told is None:
            answer["error"] = {"code": -32601, "message": "no such method"}
        else:
            answer["result"] = told
        body = b"" if "id" not in asked else json.dumps(answer).encode()
        self.send_response(200 if body else 202)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("127.0.0.1", port), Server).serve_forever()
