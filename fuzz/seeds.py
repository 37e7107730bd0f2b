"""Writes what Entra sends, as events/*.json have it and as token requests are, where the fuzz targets begin.

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

# The shape of an assertion, as header and claims, and of the other parts of a token request.
issuer = "https://login.microsoftonline.com/11111111-2222-4333-8444-555555555555/v2.0"
header = {"typ": "JWT", "alg": "RS256", "kid": "a"}
claims = {
    "aud": "66666666-7777-4888-9999-aaaaaaaaaaaa",
    "iss": issuer,
    "iat": 1780000000,
    "nbf": 1780000000,
    "exp": 1780003900,
    "idtyp": "app",
    "sub": "bbbbbbbb-cccc-4ddd-8eee-ffffffffffff",
    "tid": "11111111-2222-4333-8444-555555555555",
    "uti": "Zm9vYmFyYmF6cXV4AAEAAA",
    "ver": "2.0",
}
key = {"kty": "RSA", "use": "sig", "kid": "a", "n": "_" * 341 + "w", "e": "AQAB", "issuer": issuer}
seed("assertion", json.dumps(header) + "\n" + json.dumps(claims))
seed("assertion", json.dumps({"keys": [key]}))
seed(
    "assertion",
    "grant_type=client_credentials&client_id=acme.3f9c1b7a2d4e&client_secret=htscs_acme_0_0"
    "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
    "&client_assertion=e30.e30.AAAA&scope=scim",
)
