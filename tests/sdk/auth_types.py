"""One auth object of `bearerd.auth`, and a call of the platform with it.

    auth_types.py ADDRESS TYPE [logout]    `logout` forgets everything after that, and calls once more
"""

import json
import sys

import httpx
from bearerd import auth

address, kind = sys.argv[1:3]


def call():
    return httpx.get(f"{address}/v1/api/ping", auth=made, timeout=60).status_code


try:
    made = auth.create(address, kind)
    told = {"email": made.user_email(), "status": [call()]}
    if "logout" in sys.argv:
        auth.logout()
        told["status"].append(call())
except auth.AuthError as error:
    told = {"error": type(error).__name__, "code": error.code, "said": str(error)}
print("TOLD " + json.dumps(told), flush=True)
