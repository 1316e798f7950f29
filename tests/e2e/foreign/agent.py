"""An agent that speaks the Agent Client Protocol and does what the first word of its prompt says."""

import json
import os
import sys
import time

LOADS = "--loads" in sys.argv
last = 0


def send(message):
    message["jsonrpc"] = "2.0"
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def hear():
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    return json.loads(line)


def ask(method, **params):
    global last
    last += 1
    mine = f"a{last}"
    send({"id": mine, "method": method, "params": {"sessionId": session, **params}})
    while True:
        message = hear()
        if message.get("id") == mine and "method" not in message:
            return message.get("result", {"error": message.get("error")})


def say(text):
    content = {"type": "text", "text": text}
    update = {"sessionUpdate": "agent_message_chunk", "content": content}
    send({"method": "session/update", "params": {"sessionId": session, "update": update}})


def permission(what):
    call = {"toolCallId": f"c{last}", "title": f"do {what}", "kind": "execute", "rawInput": {"what": what}}
    options = [
        {"optionId": "yes-for-ever", "name": "Always", "kind": "allow_always"},
        {"optionId": "yes", "name": "Yes", "kind": "allow_once"},
        {"optionId": "no", "name": "No", "kind": "reject_once"},
    ]
    return ask("session/request_permission", toolCall=call, options=options)["outcome"].get("optionId", "cancelled")


def files(cwd):
    told = [ask("fs/read_text_file", path=f"{cwd}/README").get("content")]
    ask("fs/write_text_file", path=f"{cwd}/made/by.txt", content="by the client\n")
    with open("README", "a") as readme:
        readme.write("by the agent\n")
    told.append(ask("fs/read_text_file", path=os.path.abspath(f"{cwd}/../../../../secret.txt")))
    try:
        told.append(open("../../../../secret.txt").read())
    except OSError as error:
        told.append(f"denied: {error.strerror}")
    line = "echo from the terminal; cat ../../../../secret.txt; exit 7"
    terminal = ask("terminal/create", command="sh", args=["-c", line], cwd=cwd)["terminalId"]
    told.append(ask("terminal/wait_for_exit", terminalId=terminal))
    told.append(ask("terminal/output", terminalId=terminal)["output"])
    ask("terminal/release", terminalId=terminal)
    say(json.dumps(told))


def prompted(text, cwd):
    word = text.split()[0]
    resumed = word == "You"
    if word == "files":
        files(cwd)
    elif word == "asks" or (resumed and os.path.exists("asks.txt")):
        open("asks.txt", "w").write("x")
        say(" ".join(permission(what) for what in ("one", "two")))
    elif word == "crash":
        open("half.txt", "w").write("half")
        sys.stderr.write("out of memory\n")
        sys.exit(3)
    elif word == "slow":
        open("begun.txt", "w").write("x")
        message = hear()
        while message.get("method") != "session/cancel":
            message = hear()
        open("cancelled.txt", "w").write("x")
        return "cancelled"
    else:
        say(f"{word}: {sorted(name for name in os.listdir() if name != '.git')}")
    return "end_turn"


cwd = session = None
while True:
    message = hear()
    method, params = message.get("method"), message.get("params", {})
    if method == "initialize":
        result = {"protocolVersion": 1, "agentCapabilities": {"loadSession": LOADS}}
    elif method in ("session/new", "session/load"):
        cwd, session = params["cwd"], params.get("sessionId", "s1")
        result = {"sessionId": session}
    elif method == "session/prompt":
        result = {"stopReason": prompted(params["prompt"][0]["text"], cwd)}
    else:
        continue
    send({"id": message["id"], "result": result})
