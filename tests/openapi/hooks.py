"""Lines of JSON, which schemathesis does not know: an array, one element a line."""

import itertools
import json

import schemathesis

KIND = "application/x-ndjson"


@schemathesis.serializer(KIND)
def lines(ctx, value):
    elements = value if isinstance(value, list) else [value]
    return b"".join(json.dumps(element).encode() + b"\n" for element in elements)


@schemathesis.deserializer(KIND)
def elements(ctx, response):
    # Not splitlines: it takes more for the end of a line than JSON does.
    return [json.loads(line) for line in response.text.split("\n") if line]


KEY = "Idempotency-Key"
numbers = itertools.count()


@schemathesis.hook
def before_call(ctx, case, kwargs):
    """No document can say that one key belongs to one request: every good key becomes a new one."""
    key = (case.headers or {}).get(KEY, "")
    if key != key.strip():
        case.headers[KEY] = "\u00e9"  # blanks around a field are none of it, and it would be good
    if 0 < len(key) <= 200 and key.isascii() and key.isalnum():
        case.headers[KEY] = key + str(next(numbers))
