"""Asks the contract with httpx: BASE CA VERSION ENTRY..., and prints what it saw, one JSON object a line."""

import hashlib
import json
import ssl
import sys

import contract
import httpx

CHECKS = ["small", "large", "echo", "stream", "head", "missing", "moved"]


def ask(client, base, check):
    match check:
        case "head":
            return client.head(f"{base}/large")
        case "echo":
            return client.post(f"{base}/echo", content=contract.LARGE)
        case _:
            return client.get(f"{base}/{check}")


def main():
    base, ca, version, *entries = sys.argv[1:]
    context = ssl.create_default_context(cafile=ca)
    with httpx.Client(verify=context, http1=version == "1", http2=version == "2", timeout=20, trust_env=False) as client:
        for entry in entries:
            for check in CHECKS:
                response = ask(client, f"{base}/{entry}", check)
                print(json.dumps({
                    "entry": entry,
                    "check": check,
                    "version": response.http_version,
                    "status": response.status_code,
                    "sha256": hashlib.sha256(response.content).hexdigest(),
                    "content-length": response.headers.get("content-length"),
                    "location": response.headers.get("location"),
                }))


main()
