"""A server of the Model Context Protocol on pipes that misbehaves as its first argument says."""

import json
import os
import signal
import subprocess
import sys

mode = sys.argv[1]
out = sys.stdout


def send(message):
    out.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    out.flush()


def ask(id, method, params):
    send({"id": id, "method": method, "params": params})
    for line in sys.stdin:
        answer = json.loads(line)
        if answer.get("id") == id and "method" not in answer:
            return answer


def tools(cursor):
    page = {"tools": [{"name": "t", "description": "does it", "inputSchema": {"type": "object"}}]}
    if mode == "endless_pages":
        page["nextCursor"] = str(int(cursor or 0) + 1)
    if mode == "crowd":
        page["tools"] = [{"name": f"t{n}", "inputSchema": {"type": "object"}} for n in range(1_001)]
    return page


def call(token):
    if mode == "asks":
        asked = [
            ask("a", "sampling/createMessage", {"messages": [], "maxTokens": 9}),
            ask("b", "elicitation/create", {"message": "your password?", "requestedSchema": {"type": "object", "properties": {}}}),
            ask("c", "roots/list", {}),
        ]
        refused = ["error" in answer for answer in asked]
        return {"content": [{"type": "text", "text": json.dumps(refused)}]}
    if mode == "flood":
        for n in range(5_000):
            send({"method": "notifications/progress", "params": {"progressToken": token, "progress": n}})
    if mode == "daemonises":
        subprocess.Popen(["setsid", "sleep", "4321"], stdin=-3, stdout=-3, stderr=-3)
    if mode == "talks":
        sys.stderr.write("x" * 2_000_000)
        sys.stderr.flush()
    if mode == "never":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.pause()
    return {"content": [{"type": "text", "text": "done"}]}


if mode == "noise":
    [print(f"log line {n}") for n in range(50)]
if mode == "much_noise":
    [print(f"log line {n}") for n in range(200)]
if mode == "endless_line":
    [out.write("{" + "x" * (1 << 20)) for _ in range(100)]
out.flush()

for line in sys.stdin:
    asked = json.loads(line)
    method, id, params = asked.get("method"), asked.get("id"), asked.get("params") or {}
    if id is None or mode == "silent":
        continue
    if method == "initialize":
        version = "1999-01-01" if mode == "version" else params["protocolVersion"]
        info = {"name": "bad", "version": "1"}
        send({"id": id, "result": {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}})
    elif method == "tools/list":
        send({"id": id, "result": tools(params.get("cursor"))})
    elif method == "tools/call":
        send({"id": id, "result": call((params.get("_meta") or {}).get("progressToken", id))})
    else:
        send({"id": id, "error": {"code": -32601, "message": "no such method"}})
