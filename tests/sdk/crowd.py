"""So many processes that each make a client and call the platform once, all at the same moment.

    crowd.py ADDRESS PROCESSES

The SDK is imported once and the processes are forks: 64 imports of it would take minutes of a small machine, and the
moment would be none. Each waits for a line on stdin; each says on a line of its own how it went.
"""

import os
import sys

import wallaroo

address, processes = sys.argv[1], int(sys.argv[2])
reading, writing = os.pipe()
for _ in range(processes):
    if os.fork() == 0:
        os.close(writing)
        os.read(reading, 1)
        try:
            client = wallaroo.Client(api_endpoint=address, auth_type="sso")
            client.httpx_client.get("/v1/api/ping").raise_for_status()
            said = "OK\n"
        except BaseException as error:
            said = f"FAILED {type(error).__name__}: {error}"[:300].replace("\n", " ") + "\n"
        os.write(1, said.encode())
        os._exit(0)
os.close(reading)
print("READY", flush=True)
sys.stdin.readline()
os.close(writing)
for _ in range(processes):
    os.wait()
print("ENDED", flush=True)
