"""A program for the platform that knows of the Wallaroo SDK alone.

    program.py ADDRESS SECONDS PAUSE    calls everything for so long, one round each PAUSE seconds, and says how it went
"""

import asyncio
import json
import sys
import tempfile
import time

import httpx
import wallaroo
from wallaroo.deployment import Deployment
from wallaroo.framework import Framework

address, seconds, pause = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
calls, failed, slowest = {}, [], 0.0


def timed(name, call):
    global slowest
    began = time.monotonic()
    try:
        call()
    except Exception as error:
        failed.append(f"{name}: {type(error).__name__}: {error}"[:300])
    else:
        calls[name] = calls.get(name, 0) + 1
    slowest = max(slowest, time.monotonic() - began)


def infer():
    async def once():
        async with httpx.AsyncClient() as client:
            await deployment.async_infer([{"x": 1.0}], client)

    asyncio.run(once())


def upload():
    with tempfile.NamedTemporaryFile(suffix=".onnx") as model:
        model.write(b"a model")
        model.flush()
        client.upload_model("m", model.name, framework=Framework.ONNX)


began = time.monotonic()
client = wallaroo.Client(api_endpoint=address, auth_type="sso")
made_in = time.monotonic() - began
data = {"id": 1, "deploy_id": "d", "deployed": True, "pipeline": {"pipeline_id": "p"}}
deployment = Deployment(client, data)

end = time.monotonic() + seconds
rounds = 0
while True:
    timed("graphql", client.list_tags)
    timed("httpx_client", lambda: client.httpx_client.get("/v1/api/ping").raise_for_status())
    timed("mlops", client.list_workspaces)
    timed("async_infer", infer)
    if rounds % 4 == 0:
        timed("upload_model", upload)
    rounds += 1
    if time.monotonic() >= end:
        break
    time.sleep(pause)

who = [client.auth.user_id(), client.auth.user_email()]
told = {"calls": calls, "failed": failed, "slowest": slowest, "made_in": made_in, "who": who}
print("TOLD " + json.dumps({**told, "auth": type(client.auth).__mro__[0].__name__}), flush=True)
