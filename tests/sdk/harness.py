"""What the suites share: where everything is, how cases are run, and what is expected.

A suite is run against the provider simulator itself, which proves the suite and the simulator, and
then against maitred in front of it, once for each dialect that the provider behind it may speak:

    SDK ──► simulator                      SDK_TARGET=direct
    SDK ──► maitred ──► simulator          SDK_TARGET=openai | anthropic | gemini

    SDK_BASE   http://ADDRESS of whoever is asked, the one thing that an application would change
    SDK_SIM    http://ADDRESS of the simulator, for its journal
    SDK_ONLY   the cases whose names contain this
"""

import base64
import functools
import itertools
import json
import os
import time
import traceback
import urllib.request

BASE = os.environ["SDK_BASE"]
SIM = os.environ["SDK_SIM"]
TARGET = os.environ["SDK_TARGET"]
DIRECT = TARGET == "direct"
# What an application shows to maitred, or to the simulator.
KEY = "sk-client-0001"

# The text of the simulator, in its pieces.
WORDS = [
    "Tea", " is", " a", " drink", " that", " people", " have", " made", " for", " a", " very",
    " long", " time", ",", " and", " they", " like", " it", " warm", ".",
]
TEXT = "".join(WORDS)
PROMPT_TOKENS = 9

# A red pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
IMAGE = f"image/png, {len(PNG)} bytes"

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
}
# What the simulator makes of it.
ARGUMENTS = {"city": "tea", "days": 1}
NO_ARGUMENTS = {"type": "object", "properties": {}}

_numbers = itertools.count(1)
_cases = []


def model(order, provider=""):
    """The model that obeys `order`; behind maitred, at the provider under test."""
    return order if DIRECT else f"{TARGET}{provider}/{order}"


def fresh(order, provider=""):
    """The same, counted by itself."""
    return model(f"{order}@{os.getpid()}-{next(_numbers)}", provider)


def case(function):
    """One case, run in the order of the file."""
    _cases.append(function)
    return function


def only(condition, why):
    """A case that has a meaning only then."""

    def wrap(function):
        @functools.wraps(function)
        def run():
            if not condition:
                raise NotHere(why)
            function()

        return run

    return wrap


behind_maitred = only(not DIRECT, "there is no gateway")


class NotHere(Exception):
    """A case has no meaning in front of this target."""


def calls_of(name):
    """The calls of the simulator's journal for one model."""
    with urllib.request.urlopen(f"{SIM}/_sim/journal") as response:
        calls = [json.loads(line) for line in response.read().splitlines()]
    name = name.partition("/")[2] or name
    return [call for call in calls if call["model"] == name]


def fails(kind, function, *args, **kwargs):
    """Runs what has to raise `kind`, and nothing that is more special; what was raised."""
    try:
        result = function(*args, **kwargs)
    except kind as error:
        assert type(error) is kind, f"{type(error).__name__}, and not {kind.__name__}: {error}"
        return error
    raise AssertionError(f"no {kind.__name__}: {result!r}")


def same(told, expected, what=""):
    """Equal, or both are shown."""
    assert told == expected, f"{what}\n  told:     {told!r}\n  expected: {expected!r}"


class Timer:
    """Seconds in a block."""

    def __enter__(self):
        self.start = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.start


def run():
    """Runs all cases, a line for each; the exit code."""
    failed = ran = 0
    wanted = os.environ.get("SDK_ONLY", "")
    for function in _cases:
        name = function.__name__
        if wanted not in name:
            continue
        start = time.monotonic()
        try:
            function()
        except NotHere as why:
            print(f"-      {name}: {why}")
            continue
        except BaseException:  # a suite goes on, whatever an SDK throws
            failed += 1
            print(f"FAILED {name}\n{traceback.format_exc()}")
        else:
            print(f"ok     {name} ({time.monotonic() - start:.2f} s)")
        ran += 1
    print(f"{ran} cases, {failed} failed")
    return 1 if failed or not ran else 0
