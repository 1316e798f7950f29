"""What a client of others sees of our tools: mcp (PyPI). Arguments: what to do, then the server (url token | command...)."""

import asyncio
import json
import sys

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

what, mode, server = sys.argv[1], sys.argv[2], sys.argv[3:]


def transport():
    if server[0].startswith("http"):
        headers = {"Authorization": f"Bearer {server[1]}"}
        return streamable_http_client(server[0], http_client=httpx2.AsyncClient(headers=headers, timeout=60))
    return StdioServerParameters(command=server[0], args=server[1:], env=None)


def plain(result):
    return result.model_dump(mode="json", by_alias=True, exclude_none=True)


async def use(client):
    listed = await client.list_tools()
    yield {"tools": [plain(tool) for tool in listed.tools]}
    told = []

    async def progress(done, total, message):
        told.append(message)

    call = client.call_tool("greet", {"name": "Ada"}, progress_callback=progress)
    yield {"greet": plain(await call), "progress": told}
    meta = {"dirigent/idempotency-key": "the-same"}
    first = await client.call_tool("greet", {"name": "Bob"}, meta=meta)
    again = await client.call_tool("greet", {"name": "Bob"}, meta=meta)
    yield {"first": plain(first), "again": plain(again)}
    yield {"wrong": plain(await client.call_tool("greet", {"name": 7}))}
    yield {"teller": plain(await client.call_tool("teller", {"text": "One. Two. Three."}))}
    try:
        yield {"hidden": plain(await client.call_tool("hidden", {"name": "x"}))}
    except Exception as error:
        yield {"hidden": str(error)}


async def cancel(client):
    seen = asyncio.Event()

    async def progress(done, total, message):
        seen.set()

    call = asyncio.create_task(client.call_tool("slow", {}, progress_callback=progress))
    await asyncio.wait_for(seen.wait(), 30)
    call.cancel()
    try:
        yield {"slow": plain(await call)}
    except asyncio.CancelledError:
        yield {"slow": "cancelled"}


async def main():
    async with Client(transport(), mode=mode) as client:
        async for line in {"use": use, "cancel": cancel}[what](client):
            print(json.dumps(line), flush=True)


asyncio.run(main())
