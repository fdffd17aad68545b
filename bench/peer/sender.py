"""Enqueues what it reads: a JSON message a line on standard input; says on standard output when it began to."""

import json
import sys
import time

from pipeline import handle_message

print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    message = json.loads(line)
    sent_at = time.time() * 1000
    handle_message.delay(message)
    print(json.dumps({"number": message["number"], "sentAt": sent_at}), flush=True)
