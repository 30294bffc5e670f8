"""The PyPI package `anthropic`, unmodified."""

import asyncio
import base64
import json
import sys

import anthropic
from pydantic import BaseModel

import harness
from harness import (
    ARGUMENTS, BASE, DIRECT, IMAGE, KEY, NO_ARGUMENTS, PNG, PROMPT_TOKENS, TARGET, TEXT, WEATHER,
    WORDS, Timer, behind_maitred, calls_of, case, fails, fresh, model, only, same,
)

client = anthropic.Anthropic(base_url=BASE, api_key=KEY, max_retries=0, timeout=20)
ASK = [{"role": "user", "content": "tea?"}]
TOOLS = [
    {"name": "weather", "description": "the weather", "input_schema": WEATHER},
    {"name": "clock", "description": "the time", "input_schema": NO_ARGUMENTS},
]


class Pet(BaseModel):
    name: str
    legs: int
    tags: list[str]


PET = Pet(name="tea", legs=1, tags=["tea"])


def create(order="sim", messages=ASK, **more):
    more.setdefault("max_tokens", 1000)
    return client.messages.create(model=model(order), messages=messages, **more)


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def echo(messages, **more):
    """What arrived at the provider."""
    return json.loads(text_of(create("sim:echo", messages, **more)))


def streamed(order="sim", messages=ASK, **more):
    """The events of a stream, and the message that the SDK makes of them."""
    more.setdefault("max_tokens", 1000)
    with client.messages.stream(model=model(order), messages=messages, **more) as stream:
        events = list(stream)
        return events, stream.get_final_message()


@case
def a_message():
    message = create()
    same((message.type, message.role, text_of(message)), ("message", "assistant", TEXT))
    same((message.stop_reason, message.stop_sequence), ("end_turn", None))
    same((message.usage.input_tokens, message.usage.output_tokens), (PROMPT_TOKENS, len(WORDS)))
    assert message.id and message.model


@case
def a_stream():
    events, message = streamed()
    same("".join(event.text for event in events if event.type == "text"), TEXT)
    same(text_of(message), TEXT)
    same(message.stop_reason, "end_turn")
    same((message.usage.input_tokens, message.usage.output_tokens), (PROMPT_TOKENS, len(WORDS)))
    order = [event.type for event in events if event.type not in ("text", "ping")]
    same((order[0], order[1], order[-1]), ("message_start", "content_block_start", "message_stop"))
    assert order.index("content_block_stop") > order.index("content_block_delta"), order


@case
def an_async_stream():
    async def collect():
        async with anthropic.AsyncAnthropic(base_url=BASE, api_key=KEY) as later:
            async with later.messages.stream(
                model=model("sim"), messages=ASK, max_tokens=1000
            ) as stream:
                return [text async for text in stream.text_stream]

    same("".join(asyncio.run(collect())), TEXT)


@case
def many_turns_and_a_system_prompt():
    told = echo(
        [
            {"role": "user", "content": "hello \u2615"},
            {"role": "assistant", "content": "hi"},
            {"role": "user", "content": [{"type": "text", "text": "and now?"}]},
        ],
        system="be brief",
        extra_body={"temperature": 0.5},
        max_tokens=500,
    )
    same(told["system"], "be brief")
    same(told["said"], [{"user": "hello \u2615"}, {"assistant": "hi"}, {"user": "and now?"}])
    same((told["temperature"], told["max_tokens"]), (0.5, 500))


@case
def a_long_prompt():
    told = echo([{"role": "user", "content": "tea " * 50_000}])
    same(len(told["said"][0]["user"]), 200_000)


@case
def an_image():
    data = base64.b64encode(PNG).decode()
    source = {"type": "base64", "media_type": "image/png", "data": data}
    parts = [{"type": "image", "source": source}, {"type": "text", "text": "what is it?"}]
    told = echo([{"role": "user", "content": parts}])
    same(told["said"], [{"user_image": IMAGE}, {"user": "what is it?"}])


@case
def an_image_by_its_address():
    source = {"type": "url", "url": "https://example.com/a.png"}
    messages = [{"role": "user", "content": [{"type": "image", "source": source}]}]
    if TARGET == "gemini":
        error = fails(anthropic.BadRequestError, echo, messages)
        assert "messages[0].content[0]" in str(error), error
    else:
        same(echo(messages)["said"], [{"user_image": "https://example.com/a.png"}])


@case
def a_tool_is_called_and_answers():
    question = {"role": "user", "content": "use the tool"}
    message = create(messages=[question], tools=TOOLS)
    same(message.stop_reason, "tool_use")
    [call] = message.content
    same((call.type, call.name, call.input), ("tool_use", "weather", ARGUMENTS))
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "18 C"}
    messages = [
        question,
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": [result]},
    ]
    told = echo(messages, tools=TOOLS)
    same(
        told["said"],
        [{"user": "use the tool"}, {"call": ["weather", ARGUMENTS]}, {"result": "18 C"}],
    )
    same(told["tools"], ["weather", "clock"])


@case
def several_tools_are_called_in_a_stream():
    events, message = streamed(messages=[{"role": "user", "content": "use every tool"}], tools=TOOLS)
    same(message.stop_reason, "tool_use")
    calls = [(block.name, block.input) for block in message.content]
    same(calls, [("weather", ARGUMENTS), ("clock", {})])
    same(len({block.id for block in message.content}), 2, "each has an id of its own")
    assert any(event.type == "input_json" for event in events)


@case
def both_tools_answer():
    question = {"role": "user", "content": "use every tool"}
    message = create(messages=[question], tools=TOOLS)
    results = [
        {"type": "tool_result", "tool_use_id": call.id, "content": f"from {call.name}"}
        for call in message.content
    ]
    results[1]["content"] = [{"type": "text", "text": "from clock"}]
    answer = {"role": "user", "content": [*results, {"type": "text", "text": "so?"}]}
    messages = [question, {"role": "assistant", "content": message.content}, answer]
    same(
        echo(messages, tools=TOOLS)["said"],
        [
            {"user": "use every tool"},
            {"call": ["weather", ARGUMENTS]},
            {"call": ["clock", {}]},
            {"result": "from weather"},
            {"result": "from clock"},
            {"user": "so?"},
        ],
    )


@case
def tools_that_have_to_be_used_or_must_not():
    def called(choice):
        message = create(tools=TOOLS, tool_choice=choice)
        return [block.name for block in message.content if block.type == "tool_use"]

    same(called({"type": "any"}), ["weather"])
    same(called({"type": "tool", "name": "clock"}), ["clock"])
    same(called({"type": "none"}), [])
    same(called({"type": "auto"}), [])


@case
def structured_output():
    message = client.messages.parse(
        model=model("sim"), messages=ASK, max_tokens=1000, output_format=Pet
    )
    same(message.parsed_output, PET)


@case
def a_stop_string():
    message = create(stop_sequences=[" drink"])
    same(text_of(message), "Tea is a")
    if TARGET in ("direct", "anthropic"):
        same((message.stop_reason, message.stop_sequence), ("stop_sequence", " drink"))
    else:
        # The two others do not tell it from the natural end.
        same(message.stop_reason, "end_turn")


@case
def a_bound_on_tokens():
    message = create(max_tokens=2)
    same((text_of(message), message.stop_reason), ("Tea is", "max_tokens"))
    same(streamed(max_tokens=2)[1].stop_reason, "max_tokens")


@case
def an_answer_that_was_filtered():
    message = create("fault:filtered-3")
    same((text_of(message), message.stop_reason), ("Tea is a", "refusal"))
    same(streamed("fault:filtered-3")[1].stop_reason, "refusal")


@case
@only(TARGET in ("direct", "anthropic"), "thoughts have a seal of their vendor")
def thoughts():
    thinking = {"type": "enabled", "budget_tokens": 1024}
    message = create(max_tokens=2000, thinking=thinking)
    same([block.type for block in message.content], ["thinking", "text"])
    same(message.content[0].thinking, "Let me think.")
    assert message.content[0].signature
    _, again = streamed(max_tokens=2000, thinking=thinking)
    same([block.type for block in again.content], ["thinking", "text"])
    same((again.content[0].thinking, text_of(again)), ("Let me think.", TEXT))
    assert again.content[0].signature


@case
def thoughts_are_not_the_answer():
    same(text_of(create("sim:thinks")), TEXT)
    same(text_of(streamed("sim:thinks")[1]), TEXT)


@case
@only(TARGET in ("direct", "anthropic"), "a header of Anthropic's")
def a_beta():
    told = echo(ASK, extra_headers={"anthropic-beta": "some-beta-2025-01-01"})
    same(told["beta"], "some-beta-2025-01-01")


@case
def a_field_that_nobody_knows():
    more = {"extra_body": {"x_unknown": {"a": [1]}}}
    if TARGET in ("direct", "anthropic"):
        same(echo(ASK, **more)["other"], ["x_unknown"])
    else:
        error = fails(anthropic.BadRequestError, echo, ASK, **more)
        assert "x_unknown" in str(error), error


@case
def what_the_provider_refuses():
    kinds = {400: anthropic.BadRequestError, 404: anthropic.NotFoundError}
    if DIRECT:
        kinds |= {401: anthropic.AuthenticationError, 403: anthropic.PermissionDeniedError}
    for status, kind in kinds.items():
        for stream in (False, True):
            error = fails(kind, create, f"fault:status-{status}", stream=stream)
            same(error.body["type"], "error")
            assert error.body["error"]["type"] and error.body["error"]["message"], error.body


@case
@behind_maitred
def a_key_of_ours_that_is_refused_is_no_matter_of_the_client():
    for stream in (False, True):
        error = fails(anthropic.InternalServerError, create, "fault:status-401", stream=stream)
        same((error.status_code, error.body["error"]["type"]), (502, "api_error"))


@case
def what_breaks_at_the_provider():
    for status in (500, 529):
        for stream in (False, True):
            try:
                create(f"fault:status-{status}", stream=stream)
            except anthropic.InternalServerError as error:
                kind = error.body["error"]["type"]
                assert kind in ("api_error", "overloaded_error"), error.body
            else:
                raise AssertionError("no error")


@case
def what_heals_is_asked_again():
    for number in (1, 2):
        name = fresh(f"fault:status-529+times-{number}")
        patient = client.with_options(max_retries=2)
        message = patient.messages.create(model=name, messages=ASK, max_tokens=1000)
        same(text_of(message), TEXT)
        same(len(calls_of(name)), number + 1)


@case
def too_many_requests():
    name = fresh("fault:retry-after-ms-400+times-1", "-busy")
    patient = client.with_options(max_retries=2)
    with Timer() as timer:
        message = patient.messages.create(model=name, messages=ASK, max_tokens=1000)
    same(text_of(message), TEXT)
    same(len(calls_of(name)), 2)
    assert 0.35 < timer.seconds < 5, timer.seconds


@case
def too_many_requests_for_longer_than_anybody_waits():
    name = fresh("fault:retry-after-300", "-limited")
    error = fails(
        anthropic.RateLimitError,
        client.messages.create, model=name, messages=ASK, max_tokens=1000,
    )
    same((len(calls_of(name)), error.body["error"]["type"]), (1, "rate_limit_error"))
    assert 290 <= float(error.response.headers["retry-after"]) <= 301, error.response.headers


def broken(order):
    """A stream that must raise after its beginning, and never look whole."""
    begun = []
    try:
        with client.messages.stream(model=model(order), messages=ASK, max_tokens=1000) as stream:
            for event in stream:
                begun.append(event)
    except Exception as error:  # over HTTP it may be any of three
        assert not [event for event in begun if event.type in ("message_delta", "message_stop")]
        same("".join(event.text for event in begun if event.type == "text"), "Tea is a")
        return error
    raise AssertionError(f"it looked whole: {begun}")


@case
def a_stream_that_breaks():
    for order in ("fault:cut-3", "fault:reset-3", "fault:error-event-3", "fault:not-json-3"):
        if DIRECT and order in ("fault:not-json-3", "fault:reset-3"):
            continue  # the one waits for ever, the other may take its bytes along
        error = broken(order)
        assert DIRECT or isinstance(error, anthropic.APIStatusError), (order, repr(error))


@case
@behind_maitred
def an_error_in_the_stream_before_any_content_is_a_status():
    try:
        create("fault:error-event-0", stream=True)
    except anthropic.InternalServerError as error:
        assert error.status_code in (502, 503, 529), error.status_code
    else:
        raise AssertionError("no error")


@case
@behind_maitred
def a_whole_answer_that_breaks():
    for order in ("fault:cut", "fault:no-finish", "fault:not-json", "fault:garbage"):
        error = fails(anthropic.InternalServerError, create, order)
        same((error.status_code, error.body["error"]["type"]), (502, "api_error"), order)


@case
def a_model_that_is_not_there():
    error = fails(anthropic.NotFoundError, create, "fault:status-404")
    same(error.body["error"]["type"], "not_found_error")


@case
@behind_maitred
def keys_and_headers():
    name = fresh("sim:tokens-1")
    raw = client.messages.with_raw_response.create(model=name, messages=ASK, max_tokens=9)
    same([call["key"] for call in calls_of(name)], [f"sk-{TARGET}"], "ours, not the client's")
    assert raw.parse()._request_id, raw.headers
    same(raw.headers["x-maitred-attempts"], "1")
    same(raw.headers["x-maitred-target"], name)


@case
def what_is_not_spoken():
    fails(
        anthropic.NotFoundError,
        client.messages.count_tokens, model=model("sim"), messages=ASK,
    )


@case
def the_list_of_models():
    models = list(client.models.list())
    assert models and all(model.type == "model" for model in models), models
    same(client.models.retrieve(models[0].id).id, models[0].id)


sys.exit(harness.run())
