"""Asks the contract with curl: BASE CA OPTION ENTRY..., and prints what it saw, one JSON object a line."""

import hashlib
import json
import subprocess
import sys
import tempfile

import contract

CHECKS = ["small", "large", "echo", "stream", "head", "missing", "moved", "trailers"]


def ask(folder, base, options, check):
    path = "large" if check == "head" else check
    command = ["curl", "-q", "-sS", "--max-time", "20", *options, "-D", f"{folder}/fields", "-o", f"{folder}/body"]
    command += ["-w", "%{http_version} %{http_code}", f"{base}/{path}"]
    if check == "head":
        command.append("-I")
    if check == "trailers":
        command += ["-H", "TE: trailers"]
    if check == "echo":
        command += ["--data-binary", f"@{folder}/large", "-H", "Content-Type: application/octet-stream"]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
    with open(f"{folder}/body", "rb") as body:
        content = b"" if check == "head" else body.read()
    with open(f"{folder}/fields") as file:
        lines = [line.strip().partition(":") for line in file]
    return said.split(), content, {name.lower(): value.strip() for name, _, value in lines}


def main():
    base, ca, option, *entries = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/large", "wb") as file:
            file.write(contract.LARGE)
        for entry in entries:
            for check in CHECKS:
                (version, status), content, fields = ask(folder, f"{base}/{entry}", [option, "--cacert", ca], check)
                print(json.dumps({
                    "entry": entry,
                    "check": check,
                    "version": f"HTTP/{version}",
                    "status": int(status),
                    "sha256": hashlib.sha256(content).hexdigest(),
                    "content-length": fields.get("content-length"),
                    "location": fields.get("location"),
                    "trailer": fields.get("x-check"),
                }))


main()
