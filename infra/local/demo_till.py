"""A partner's till, which signs what it sends.

Written from the API's description alone, so that it would notice if the product misread it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass

from infra.local.demo_client import Answer, send


@dataclass(frozen=True)
class Till:
    api: str
    key: str
    secret: str

    def post(self, path: str, **body: object) -> Answer:
        raw = json.dumps(body).encode()
        timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
        lines = "\n".join(("v1", "POST", path, "", timestamp, nonce, hashlib.sha256(raw).hexdigest()))
        signature = hmac.new(self.secret.encode(), lines.encode(), hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "Keyrail-Key": self.key,
            "Keyrail-Timestamp": timestamp,
            "Keyrail-Nonce": nonce,
            "Keyrail-Signature": f"v1={signature}",
        }
        return send("POST", f"{self.api}{path}", raw=raw, headers=headers)
