"""One program of many that make a client and call the platform once, all at the same moment.

    crowd.py ADDRESS

It says READY when it has imported the SDK, which takes seconds, goes on at a line on stdin, and says how it ended.
"""

import sys

import wallaroo

address = sys.argv[1]
print("READY", flush=True)
sys.stdin.readline()
try:
    client = wallaroo.Client(api_endpoint=address, auth_type="sso")
    client.httpx_client.get("/v1/api/ping").raise_for_status()
    said = "OK"
except BaseException as error:
    said = f"FAILED {type(error).__name__}: {error}"[:300].replace("\n", " ")
print(f"ENDED {said}", flush=True)
