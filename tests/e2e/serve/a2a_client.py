"""What a client of others sees of our agents: a2a-sdk (PyPI). Arguments: revision, url of an agent, token."""

import asyncio
import json
import sys

import httpx
from a2a.client import A2ACardResolver, ClientConfig, create_client
from a2a.types import CancelTaskRequest, GetTaskRequest, Message, Part, Role, SendMessageRequest
from google.protobuf.json_format import MessageToDict, ParseDict

revision, url, token = sys.argv[1:4]


def say(**line):
    print(json.dumps(line), flush=True)


def message(id, text=None, data=None):
    part = {"text": text} if text else {"data": data}
    wanted = Message(message_id=id, role=Role.ROLE_USER)
    wanted.parts.append(ParseDict(part, Part()))
    return SendMessageRequest(message=wanted)


async def main():
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(headers=headers, timeout=60) as http:
        card = await A2ACardResolver(http, f"{url}/greet").get_agent_card()
        say(card=MessageToDict(card))
        for name in ("greet", "ask", "slow"):
            card = await A2ACardResolver(http, f"{url}/{name}").get_agent_card()
            kept = [one for one in card.supported_interfaces if one.protocol_version == revision]
            del card.supported_interfaces[:]
            card.supported_interfaces.extend(kept)
            for streaming in (False, True):
                client = await create_client(card, ClientConfig(httpx_client=http, streaming=streaming))
                seen = []
                data = {"name": "Ada"} if name == "greet" else {}
                request = message(f"{revision}-{name}-{streaming}", data=data) if name != "greet" or streaming else message(
                    f"{revision}-text", text="Ada"
                )
                if name == "slow":
                    request.configuration.return_immediately = True
                task = None
                async for event in client.send_message(request):
                    seen.append(MessageToDict(event))
                    if event.HasField("task"):
                        task = event.task.id
                    if name == "slow" and task:
                        break
                say(name=name, streaming=streaming, events=seen)
                if name == "slow":
                    say(cancelled=MessageToDict(await client.cancel_task(CancelTaskRequest(id=task))))
                say(name=name, got=MessageToDict(await client.get_task(GetTaskRequest(id=task))))
        try:
            await client.get_task(GetTaskRequest(id="0192e1a0-0000-7000-8000-000000000000"))
        except Exception as error:
            say(missing=type(error).__name__)


asyncio.run(main())
