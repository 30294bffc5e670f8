"""The PyPI package `google-genai`, unmodified."""

import asyncio
import json
import sys

from google import genai
from google.genai import errors, types
from pydantic import BaseModel

import harness
from harness import (
    ARGUMENTS, BASE, DIRECT, IMAGE, KEY, NO_ARGUMENTS, PNG, PROMPT_TOKENS, TARGET, TEXT, WEATHER,
    WORDS, behind_maitred, calls_of, case, fails, fresh, model, only, same,
)

client = genai.Client(
    api_key=KEY, http_options=types.HttpOptions(base_url=BASE, timeout=20_000)
)
TOOLS = [
    types.Tool(
        function_declarations=[
            types.FunctionDeclaration(name="weather", parameters_json_schema=WEATHER),
            types.FunctionDeclaration(name="clock", parameters_json_schema=NO_ARGUMENTS),
        ]
    )
]


class Pet(BaseModel):
    name: str
    legs: int
    tags: list[str]


PET = Pet(name="tea", legs=1, tags=["tea"])


def generate(order="sim", contents="tea?", **config):
    return client.models.generate_content(
        model=model(order), contents=contents, config=types.GenerateContentConfig(**config)
    )


def streamed(order="sim", contents="tea?", **config):
    return client.models.generate_content_stream(
        model=model(order), contents=contents, config=types.GenerateContentConfig(**config)
    )


def echo(contents, **config):
    """What arrived at the provider."""
    return json.loads(generate("sim:echo", contents, **config).text)


@case
def a_text():
    answer = generate()
    same(answer.text, TEXT)
    same(answer.candidates[0].finish_reason, types.FinishReason.STOP)
    same(answer.candidates[0].content.role, "model")
    usage = answer.usage_metadata
    same((usage.prompt_token_count, usage.candidates_token_count), (PROMPT_TOKENS, len(WORDS)))
    same(usage.total_token_count, PROMPT_TOKENS + len(WORDS))


@case
def a_stream():
    chunks = list(streamed())
    same("".join(chunk.text or "" for chunk in chunks), TEXT)
    assert len(chunks) > 10, "piece by piece"
    last = chunks[-1]
    same(last.candidates[0].finish_reason, types.FinishReason.STOP)
    same(last.usage_metadata.candidates_token_count, len(WORDS))


@case
def an_async_stream():
    async def collect():
        stream = await client.aio.models.generate_content_stream(
            model=model("sim"), contents="tea?"
        )
        return [chunk.text or "" async for chunk in stream]

    same("".join(asyncio.run(collect())), TEXT)


@case
def both_versions_of_the_api():
    for version in ("v1", "v1beta"):
        options = types.HttpOptions(base_url=BASE, api_version=version)
        other = genai.Client(api_key=KEY, http_options=options)
        same(other.models.generate_content(model=model("sim"), contents="tea?").text, TEXT)


@case
def many_turns_and_a_system_prompt():
    turns = [("user", "hello \u2615"), ("model", "hi"), ("user", "and now?")]
    contents = [types.Content(role=role, parts=[types.Part(text=text)]) for role, text in turns]
    told = echo(
        contents,
        system_instruction="be brief", temperature=0.5, top_p=0.5, max_output_tokens=500,
    )
    same(told["system"], "be brief")
    same(told["said"], [{"user": "hello \u2615"}, {"assistant": "hi"}, {"user": "and now?"}])
    same((told["temperature"], told["top_p"], told["max_tokens"]), (0.5, 0.5, 500))


@case
def a_conversation():
    talk = client.chats.create(model=model("sim"))
    same(talk.send_message("tea?").text, TEXT)
    talk = client.chats.create(model=model("sim:echo"), history=talk.get_history())
    told = json.loads(talk.send_message("more?").text)
    same(told["said"], [{"user": "tea?"}, {"assistant": TEXT}, {"user": "more?"}])


@case
def a_long_prompt():
    same(len(echo("tea " * 50_000)["said"][0]["user"]), 200_000)


@case
def an_image():
    image = types.Part.from_bytes(data=PNG, mime_type="image/png")
    same(echo(["what is it?", image])["said"], [{"user": "what is it?"}, {"user_image": IMAGE}])


@case
def a_tool_is_called_and_answers():
    answer = generate(contents="use the tool", tools=TOOLS)
    [call] = answer.function_calls
    same((call.name, call.args), ("weather", ARGUMENTS))
    same(answer.candidates[0].finish_reason, types.FinishReason.STOP)
    result = types.Part.from_function_response(name="weather", response={"result": "18 C"})
    contents = [
        types.Content(role="user", parts=[types.Part(text="use the tool")]),
        answer.candidates[0].content,
        types.Content(role="user", parts=[result]),
    ]
    told = echo(contents, tools=TOOLS)
    same(
        told["said"],
        [{"user": "use the tool"}, {"call": ["weather", ARGUMENTS]}, {"result": "18 C"}],
    )
    same(told["tools"], ["weather", "clock"])


@case
def several_tools_are_called_in_a_stream():
    chunks = list(streamed(contents="use every tool", tools=TOOLS))
    calls = [call for chunk in chunks for call in chunk.function_calls or []]
    same([(call.name, call.args or {}) for call in calls], [("weather", ARGUMENTS), ("clock", {})])
    same(chunks[-1].candidates[0].finish_reason, types.FinishReason.STOP)


@case
def both_tools_answer():
    answer = generate(contents="use every tool", tools=TOOLS)
    results = [
        types.Part.from_function_response(name=call.name, response={"output": f"from {call.name}"})
        for call in answer.function_calls
    ]
    contents = [
        types.Content(role="user", parts=[types.Part(text="use every tool")]),
        answer.candidates[0].content,
        types.Content(role="user", parts=[*results, types.Part(text="so?")]),
    ]
    same(
        echo(contents, tools=TOOLS)["said"],
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
def the_sdk_calls_a_function_by_itself():
    asked = []

    def weather(city: str, days: int) -> str:
        """The weather of a city."""
        asked.append((city, days))
        return "18 C"

    same(generate(contents="use the tool", tools=[weather]).text, TEXT)
    same(asked, [("tea", 1)])


@case
def tools_that_have_to_be_used_or_must_not():
    def called(mode, names=None):
        calling = types.FunctionCallingConfig(mode=mode, allowed_function_names=names)
        answer = generate(
            tools=TOOLS, tool_config=types.ToolConfig(function_calling_config=calling)
        )
        return [call.name for call in answer.function_calls or []]

    same(called("ANY"), ["weather"])
    same(called("ANY", ["clock"]), ["clock"])
    same(called("NONE"), [])
    same(called("AUTO"), [])


@case
def structured_output():
    answer = generate(response_mime_type="application/json", response_schema=Pet)
    same(answer.parsed, PET)
    answer = generate(
        response_mime_type="application/json", response_json_schema=Pet.model_json_schema()
    )
    same(Pet.model_validate_json(answer.text), PET)


@case
def a_stop_string():
    answer = generate(stop_sequences=[" drink"])
    same(answer.text, "Tea is a")
    same(answer.candidates[0].finish_reason, types.FinishReason.STOP)


@case
def a_bound_on_tokens():
    answer = generate(max_output_tokens=2)
    same(answer.text, "Tea is")
    same(answer.candidates[0].finish_reason, types.FinishReason.MAX_TOKENS)


@case
def several_answers():
    if TARGET not in ("direct", "gemini"):
        error = fails(errors.ClientError, generate, candidate_count=2)
        assert error.code == 400 and "candidateCount" in error.message, error
        return
    same(len(generate(candidate_count=2).candidates), 2)


@case
def an_answer_that_was_filtered():
    answer = generate("fault:filtered-3")
    same(answer.candidates[0].finish_reason, types.FinishReason.SAFETY)
    same(answer.candidates[0].content.parts[0].text, "Tea is a")
    last = list(streamed("fault:filtered-3"))[-1]
    same(last.candidates[0].finish_reason, types.FinishReason.SAFETY)


@case
@only(TARGET in ("direct", "gemini"), "a way of Gemini's to say no")
def a_prompt_that_is_blocked():
    answer = generate("fault:refusal")
    same(answer.prompt_feedback.block_reason, types.BlockedReason.SAFETY)
    assert not answer.candidates, answer


@case
def thoughts_are_not_the_answer():
    same(generate("sim:thinks").text, TEXT)
    same("".join(chunk.text or "" for chunk in streamed("sim:thinks")), TEXT)


@case
@only(TARGET in ("direct", "gemini"), "a word of Gemini's")
def thoughts():
    answer = generate(thinking_config=types.ThinkingConfig(include_thoughts=True))
    first, second = answer.candidates[0].content.parts
    same((first.thought, first.text, second.text), (True, "Let me think.", TEXT))
    same(answer.usage_metadata.thoughts_token_count, 4)


def fails_with(code, status, function, *args, **more):
    kind = errors.ClientError if code < 500 else errors.ServerError
    error = fails(kind, function, *args, **more)
    same((error.code, error.status), (code, status))
    assert error.message, error
    return error


@case
def what_the_provider_refuses():
    names = {400: "INVALID_ARGUMENT", 404: "NOT_FOUND"}
    if DIRECT:
        names |= {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}
    for status, name in names.items():
        fails_with(status, name, generate, f"fault:status-{status}")
        fails_with(status, name, lambda: list(streamed(f"fault:status-{status}")))


@case
@behind_maitred
def a_key_of_ours_that_is_refused_is_no_matter_of_the_client():
    for function in (generate, lambda order: list(streamed(order))):
        error = fails(errors.ServerError, function, "fault:status-401")
        same(error.code, 502)


@case
def what_breaks_at_the_provider():
    for status in (500, 503):
        fails(errors.ServerError, generate, f"fault:status-{status}")
        fails(errors.ServerError, lambda: list(streamed(f"fault:status-{status}")))


@case
def what_heals_is_asked_again():
    options = types.HttpOptions(
        base_url=BASE, retry_options=types.HttpRetryOptions(attempts=3, initial_delay=0.1)
    )
    patient = genai.Client(api_key=KEY, http_options=options)
    for number in (1, 2):
        name = fresh(f"fault:status-503+times-{number}")
        same(patient.models.generate_content(model=name, contents="tea?").text, TEXT)
        same(len(calls_of(name)), number + 1)


@case
def too_many_requests_for_longer_than_anybody_waits():
    # Anthropic has no place for it in the body.
    order = "fault:retry-after-300" if TARGET == "anthropic" else "fault:retry-delay-300"
    name = fresh(order, "-limited")
    error = fails(
        errors.ClientError, client.models.generate_content, model=name, contents="tea?"
    )
    same((error.code, error.status, len(calls_of(name))), (429, "RESOURCE_EXHAUSTED", 1))


def broken(order):
    """A stream that must raise after its beginning, and never look whole."""
    begun = []
    try:
        for chunk in streamed(order):
            begun.append(chunk)
    except Exception as error:  # over HTTP it may be any of three
        same("".join(chunk.text or "" for chunk in begun), "Tea is a")
        reasons = [each.finish_reason for chunk in begun for each in chunk.candidates or []]
        same(set(reasons), {None})
        return error
    raise AssertionError(f"it looked whole: {begun}")


@case
def a_stream_that_breaks():
    for order in ("fault:cut-3", "fault:reset-3", "fault:error-event-3", "fault:not-json-3"):
        if DIRECT and order != "fault:cut-3":
            continue  # the stream stays open after an error, and this SDK waits
        error = broken(order)
        assert DIRECT or isinstance(error, errors.APIError), (order, repr(error))


@case
@behind_maitred
def an_error_in_the_stream_before_any_content_is_a_status():
    error = fails(errors.ServerError, lambda: list(streamed("fault:error-event-0")))
    assert error.code in (502, 503), error


@case
@behind_maitred
def a_whole_answer_that_breaks():
    for order in ("fault:cut", "fault:no-finish", "fault:not-json", "fault:garbage"):
        error = fails(errors.ServerError, generate, order)
        same(error.code, 502, order)


@case
@behind_maitred
def keys_and_headers():
    name = fresh("sim:tokens-1")
    answer = client.models.generate_content(model=name, contents="tea?")
    same([call["key"] for call in calls_of(name)], [f"sk-{TARGET}"], "ours, not the client's")
    headers = answer.sdk_http_response.headers
    same(headers["x-maitred-attempts"], "1")
    same(headers["x-maitred-target"], name)


@case
def what_is_not_spoken():
    fails_with(
        404, "NOT_FOUND", client.models.count_tokens, model=model("sim"), contents="tea?"
    )


@case
def the_list_of_models():
    models = list(client.models.list())
    assert models and all(each.name.startswith("models/") for each in models), models
    same(client.models.get(model=models[0].name).name, models[0].name)


@case
@only(TARGET == "direct", "vectors are asked for in OpenAI's words")
def vectors():
    answer = client.models.embed_content(model=model("sim"), contents=["tea", "coffee"])
    same([len(each.values) for each in answer.embeddings], [4, 4])


sys.exit(harness.run())
