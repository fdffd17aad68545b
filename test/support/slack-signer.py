"""Signs request bodies as Slack does, with Slack's own Python SDK: one JSON object a line in, one signature a line out."""
import json
import sys

sys.path.insert(0, sys.argv[1])
from slack_sdk.signature import SignatureVerifier  # noqa: E402

for line in sys.stdin:
    request = json.loads(line)
    verifier = SignatureVerifier(request["secret"])
    print(verifier.generate_signature(timestamp=request["timestamp"], body=request["body"]), flush=True)
