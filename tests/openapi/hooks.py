"""Lines of JSON, which schemathesis does not know: an array, one element a line."""

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
