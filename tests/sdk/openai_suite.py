"""The PyPI package `openai`, unmodified."""

import asyncio
import base64
import json
import sys

import openai
from pydantic import BaseModel

import harness
from harness import (
    ARGUMENTS, BASE, DIRECT, IMAGE, KEY, NO_ARGUMENTS, PNG, PROMPT_TOKENS, TARGET, TEXT, WEATHER,
    WORDS, Timer, behind_maitred, calls_of, case, fails, fresh, model, only, same,
)

client = openai.OpenAI(base_url=f"{BASE}/v1", api_key=KEY, max_retries=0, timeout=20)
ASK = [{"role": "user", "content": "tea?"}]
IMAGE_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()
TOOLS = [
    {"type": "function", "function": {"name": "weather", "parameters": WEATHER}},
    {"type": "function", "function": {"name": "clock", "parameters": NO_ARGUMENTS}},
]


class Owner(BaseModel):
    name: str


class Pet(BaseModel):
    name: str
    legs: int
    owner: Owner
    tags: list[str]


PET = Pet(name="tea", legs=1, owner=Owner(name="tea"), tags=["tea"])


def chat(order="sim", messages=ASK, **more):
    return client.chat.completions.create(model=model(order), messages=messages, **more)


def echo(messages, **more):
    """What arrived at the provider."""
    return json.loads(chat("sim:echo", messages, **more).choices[0].message.content)


@case
def a_chat():
    answer = chat()
    [choice] = answer.choices
    same((choice.message.role, choice.message.content), ("assistant", TEXT))
    same((choice.finish_reason, choice.index, answer.object), ("stop", 0, "chat.completion"))
    usage = answer.usage
    same((usage.prompt_tokens, usage.completion_tokens, usage.total_tokens), (9, 20, 29))
    assert answer.id and answer.created > 1_600_000_000 and answer.model
    if TARGET in ("direct", "openai"):
        same(answer.system_fingerprint, "fp_sim", "what nobody here knows is passed on")


@case
def a_stream():
    chunks = list(chat(stream=True))
    deltas = [chunk.choices[0].delta for chunk in chunks]
    same("".join(delta.content or "" for delta in deltas), TEXT)
    same(deltas[0].role, "assistant")
    reasons = [chunk.choices[0].finish_reason for chunk in chunks]
    same((reasons[-1], set(reasons[:-1])), ("stop", {None}))
    same({chunk.usage for chunk in chunks}, {None}, "nobody asked for it")
    same(len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}), 1)


@case
def a_stream_that_says_what_it_cost():
    chunks = list(chat(stream=True, stream_options={"include_usage": True}))
    usage = chunks[-1].usage
    same(chunks[-1].choices, [])
    same((usage.prompt_tokens, usage.completion_tokens), (PROMPT_TOKENS, len(WORDS)))
    same({chunk.usage for chunk in chunks[:-1]}, {None})


@case
def an_async_stream():
    async def collect():
        async with openai.AsyncOpenAI(base_url=f"{BASE}/v1", api_key=KEY) as later:
            stream = await later.chat.completions.create(
                model=model("sim"), messages=ASK, stream=True
            )
            return [chunk.choices[0].delta.content or "" async for chunk in stream]

    same("".join(asyncio.run(collect())), TEXT)


@case
def many_turns_and_a_system_prompt():
    told = echo(
        [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "hello \u2615"},
            {"role": "assistant", "content": "hi"},
            {"role": "user", "content": [{"type": "text", "text": "and now?"}]},
        ],
        temperature=0.5,
        top_p=0.5,
        max_completion_tokens=500,
    )
    same(told["system"], "be brief")
    same(told["said"], [{"user": "hello \u2615"}, {"assistant": "hi"}, {"user": "and now?"}])
    same((told["temperature"], told["top_p"], told["max_tokens"]), (0.5, 0.5, 500))


@case
def a_long_prompt():
    told = echo([{"role": "user", "content": "tea " * 50_000}])
    same(len(told["said"][0]["user"]), 200_000)


@case
def an_image():
    parts = [
        {"type": "text", "text": "what is it?"},
        {"type": "image_url", "image_url": {"url": IMAGE_URL}},
    ]
    told = echo([{"role": "user", "content": parts}])
    same(told["said"], [{"user": "what is it?"}, {"user_image": IMAGE}])


@case
def an_image_by_its_address():
    parts = [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]
    messages = [{"role": "user", "content": parts}]
    if TARGET == "gemini":
        error = fails(openai.BadRequestError, echo, messages)
        same(error.param, "messages[0].content[0]")
    else:
        same(echo(messages)["said"], [{"user_image": "https://example.com/a.png"}])


@case
def a_tool_is_called_and_answers():
    question = {"role": "user", "content": "use the tool"}
    answer = chat(messages=[question], tools=TOOLS)
    same(answer.choices[0].finish_reason, "tool_calls")
    [call] = answer.choices[0].message.tool_calls
    same((call.type, call.function.name), ("function", "weather"))
    same(json.loads(call.function.arguments), ARGUMENTS)
    messages = [
        question,
        answer.choices[0].message,
        {"role": "tool", "tool_call_id": call.id, "content": "18 C"},
    ]
    told = echo(messages, tools=TOOLS)
    same(
        told["said"],
        [{"user": "use the tool"}, {"call": ["weather", ARGUMENTS]}, {"result": "18 C"}],
    )
    same(told["tools"], ["weather", "clock"])


@case
def several_tools_are_called_in_a_stream():
    messages = [{"role": "user", "content": "use every tool"}]
    with client.chat.completions.stream(
        model=model("sim"), messages=messages, tools=TOOLS
    ) as stream:
        done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
        final = stream.get_final_completion()
    same([event.name for event in done], ["weather", "clock"])
    same(final.choices[0].finish_reason, "tool_calls")
    calls = final.choices[0].message.tool_calls
    same([json.loads(call.function.arguments) for call in calls], [ARGUMENTS, {}])
    same(len({call.id for call in calls}), 2, "each has an id of its own")


@case
def both_tools_answer():
    question = {"role": "user", "content": "use every tool"}
    message = chat(messages=[question], tools=TOOLS).choices[0].message
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"from {call.function.name}"}
        for call in message.tool_calls
    ]
    told = echo([question, message, *results, {"role": "user", "content": "so?"}], tools=TOOLS)
    same(
        told["said"],
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
        message = chat(tools=TOOLS, tool_choice=choice).choices[0].message
        return [call.function.name for call in message.tool_calls or []]

    same(called("required"), ["weather"])
    same(called({"type": "function", "function": {"name": "clock"}}), ["clock"])
    same(called("none"), [])
    same(called("auto"), [])


@case
def structured_output():
    answer = client.chat.completions.parse(
        model=model("sim"), messages=ASK, response_format=Pet
    )
    same(answer.choices[0].message.parsed, PET)


@case
def structured_output_in_a_stream():
    with client.chat.completions.stream(
        model=model("sim"), messages=ASK, response_format=Pet
    ) as stream:
        same(stream.get_final_completion().choices[0].message.parsed, PET)


@case
def a_stop_string():
    choice = chat(stop=[" drink"]).choices[0]
    same((choice.message.content, choice.finish_reason), ("Tea is a", "stop"))


@case
def a_bound_on_tokens():
    choice = chat(max_tokens=2).choices[0]
    same((choice.message.content, choice.finish_reason), ("Tea is", "length"))
    chunks = list(chat(max_tokens=2, stream=True))
    same(chunks[-1].choices[0].finish_reason, "length")


@case
def several_answers():
    if TARGET not in ("direct", "openai"):
        error = fails(openai.BadRequestError, chat, n=2)
        same(error.param, "n")
        return
    answer = chat(n=2)
    same([choice.message.content for choice in answer.choices], [TEXT, TEXT])
    same([choice.index for choice in answer.choices], [0, 1])


@case
def an_answer_that_was_filtered():
    choice = chat("fault:filtered-3").choices[0]
    same((choice.message.content, choice.finish_reason), ("Tea is a", "content_filter"))
    chunks = list(chat("fault:filtered-3", stream=True))
    same(chunks[-1].choices[0].finish_reason, "content_filter")


@case
def thoughts_are_not_the_answer():
    same(chat("sim:thinks").choices[0].message.content, TEXT)
    chunks = list(chat("sim:thinks", stream=True))
    same("".join(chunk.choices[0].delta.content or "" for chunk in chunks), TEXT)


@case
@only(TARGET in ("direct", "openai"), "a word of OpenAI's")
def tokens_of_reasoning():
    usage = chat(reasoning_effort="high").usage
    same(usage.completion_tokens_details.reasoning_tokens, 4)


@case
def a_field_that_nobody_knows():
    more = {"extra_body": {"x_unknown": {"a": [1]}}}
    if TARGET in ("direct", "openai"):
        same(echo(ASK, **more)["other"], ["x_unknown"])
    else:
        error = fails(openai.BadRequestError, echo, ASK, **more)
        assert "x_unknown" in str(error), error


@case
def what_the_provider_refuses():
    kinds = {400: openai.BadRequestError, 404: openai.NotFoundError}
    if DIRECT:
        kinds |= {401: openai.AuthenticationError, 403: openai.PermissionDeniedError}
    for status, kind in kinds.items():
        for stream in (False, True):
            error = fails(kind, chat, f"fault:status-{status}", stream=stream)
            assert error.body["message"] and error.body["type"], error.body


@case
@behind_maitred
def a_key_of_ours_that_is_refused_is_no_matter_of_the_client():
    for stream in (False, True):
        error = fails(openai.InternalServerError, chat, "fault:status-401", stream=stream)
        same((error.status_code, error.body["code"]), (502, "upstream_key"))


@case
def what_breaks_at_the_provider():
    for status in (500, 503, 529):
        for stream in (False, True):
            fails(openai.InternalServerError, chat, f"fault:status-{status}", stream=stream)


@case
def what_heals_is_asked_again():
    for number in (1, 2):
        name = fresh(f"fault:status-503+times-{number}")
        patient = client.with_options(max_retries=2)
        answer = patient.chat.completions.create(model=name, messages=ASK)
        same(answer.choices[0].message.content, TEXT)
        same(len(calls_of(name)), number + 1)


@case
def too_many_requests():
    name = fresh("fault:retry-after-ms-400+times-1", "-busy")
    patient = client.with_options(max_retries=2)
    with Timer() as timer:
        answer = patient.chat.completions.create(model=name, messages=ASK)
    same(answer.choices[0].message.content, TEXT)
    same(len(calls_of(name)), 2)
    assert 0.35 < timer.seconds < 5, timer.seconds


@case
def too_many_requests_for_longer_than_anybody_waits():
    name = fresh("fault:retry-after-300", "-limited")
    patient = client.with_options(max_retries=2)
    with Timer() as timer:
        error = fails(
            openai.RateLimitError, patient.chat.completions.create, model=name, messages=ASK
        )
    same(len(calls_of(name)), 1)
    assert 290 <= float(error.response.headers["retry-after"]) <= 301, error.response.headers
    assert timer.seconds < 5, timer.seconds


@case
def an_account_that_is_empty():
    name = fresh("fault:insufficient-quota", "-broke")
    patient = client.with_options(max_retries=2)
    if DIRECT:
        patient = client
    error = fails(openai.RateLimitError, patient.chat.completions.create, model=name, messages=ASK)
    same(len(calls_of(name)), 1, "that does not heal")
    assert DIRECT or error.response.headers["x-should-retry"] == "false"


def broken(order):
    """A stream that must raise after its beginning, and never look whole."""
    begun = []
    try:
        for chunk in chat(order, stream=True):
            begun += chunk.choices
    except Exception as error:  # over HTTP it may be any of three
        assert all(choice.finish_reason is None for choice in begun), begun
        same("".join(choice.delta.content or "" for choice in begun), TEXT[: len("Tea is a")])
        return error
    raise AssertionError(f"it looked whole: {begun}")


@case
def a_stream_that_breaks():
    for order in ("fault:cut-3", "fault:reset-3", "fault:error-event-3", "fault:not-json-3"):
        if DIRECT and order in ("fault:not-json-3", "fault:reset-3"):
            continue  # the one waits for ever, the other may take its bytes along
        error = broken(order)
        assert DIRECT or type(error) is openai.APIError, (order, repr(error))


@case
def a_crowd_in_which_nobody_gets_half_an_answer():
    orders = ["sim", "fault:cut-3", "fault:status-400", "fault:error-event-3", "sim:slices-7"]
    if DIRECT:
        orders.remove("fault:error-event-3")

    async def one(later, order):
        text, reason = "", None
        try:
            stream = await later.chat.completions.create(
                model=model(order), messages=ASK, stream=True
            )
            async for chunk in stream:
                text += chunk.choices[0].delta.content or ""
                reason = chunk.choices[0].finish_reason
        except Exception:
            assert reason is None and text != TEXT, (order, text, reason)
            return False
        same((text, reason), (TEXT, "stop"), order)
        return True

    async def all_at_once():
        async with openai.AsyncOpenAI(
            base_url=f"{BASE}/v1", api_key=KEY, max_retries=0, timeout=60
        ) as later:
            crowd = [one(later, orders[n % len(orders)]) for n in range(100)]
            return await asyncio.gather(*crowd)

    whole = asyncio.run(all_at_once())
    for order, went in zip(orders, whole):
        same(went, order.startswith("sim"), order)


@case
@behind_maitred
def an_error_in_the_stream_before_any_content_is_a_status():
    error = fails(openai.InternalServerError, chat, "fault:error-event-0", stream=True)
    assert error.status_code in (502, 503), error.status_code


@case
@behind_maitred
def a_whole_answer_that_breaks():
    for order in ("fault:cut", "fault:no-finish", "fault:not-json", "fault:garbage"):
        error = fails(openai.InternalServerError, chat, order)
        same(error.status_code, 502, order)


@case
def a_model_that_is_not_there():
    error = fails(openai.NotFoundError, chat, "fault:status-404")
    same((error.code, error.type), ("model_not_found", "invalid_request_error"))


@case
@behind_maitred
def keys_and_headers():
    name = fresh("sim:tokens-1")
    raw = client.chat.completions.with_raw_response.create(model=name, messages=ASK)
    same([call["key"] for call in calls_of(name)], [f"sk-{TARGET}"], "ours, not the client's")
    assert raw.parse()._request_id, raw.headers
    same(raw.headers["x-maitred-attempts"], "1")
    same(raw.headers["x-maitred-target"], name)


@case
def what_is_not_spoken():
    fails(openai.NotFoundError, client.responses.create, model=model("sim"), input="tea?")


@case
def the_list_of_models():
    models = list(client.models.list())
    assert models and all(model.object == "model" for model in models), models
    same(client.models.retrieve(models[0].id).id, models[0].id)


@case
def vectors():
    create = client.embeddings.create
    asked = {"model": model("sim"), "input": ["tea", "coffee"]}
    if TARGET == "anthropic":
        fails(openai.BadRequestError, create, **asked)
        return
    packed, plain = create(**asked), create(**asked, encoding_format="float")
    for answer in (packed, plain):
        same([each.index for each in answer.data], [0, 1])
    same([each.embedding for each in packed.data], [each.embedding for each in plain.data])
    same(len(packed.data[0].embedding), 4)
    assert packed.data[0].embedding != packed.data[1].embedding
    same(len(create(**asked, dimensions=7).data[0].embedding), 7)


sys.exit(harness.run())
