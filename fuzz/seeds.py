"""Writes what Entra sends, as events/*.json have it, where the fuzz targets begin.

usage: seeds.py <corpus folder>
"""

import base64
import hashlib
import json
import pathlib
import sys
import urllib.parse

corpus = pathlib.Path(sys.argv[1])
events = pathlib.Path(__file__).parents[2] / "events"


def seed(target: str, content: str) -> None:
    data = content.encode()
    folder = corpus / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


for file in sorted(events.glob("*.json")):
    event = json.loads(file.read_text())
    query = urllib.parse.parse_qs(event.get("rawQueryString", ""))
    for text in query.get("filter", []):
        seed("filter", text)
    body = event.get("body")
    if not body:
        continue
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body).decode()
    if event["requestContext"]["http"]["method"] != "PATCH":
        seed("check", body)
        continue
    seed("patch", body)
    for operation in json.loads(body).get("Operations", []):
        value = operation.get("value")
        keys = value if isinstance(value, dict) else {}
        for path in filter(None, [operation.get("path"), *keys]):
            seed("path", path)
