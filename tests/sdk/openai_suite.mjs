// The npm package `openai`, unmodified. What it shares with the Python suites, and how it is run,
// is in harness.py.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const { SDK_BASE, SDK_SIM, SDK_TARGET, SDK_MODULES, SDK_ONLY = "" } = process.env;
const DIRECT = SDK_TARGET === "direct";
const TEXT = "Tea is a drink that people have made for a very long time, and they like it warm.";

const require = createRequire(`${SDK_MODULES}/`);
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { default: OpenAI } = await load("openai");
const { zodResponseFormat, zodFunction } = await load("openai/helpers/zod");
const { z } = await load("zod");

const client = new OpenAI({ baseURL: `${SDK_BASE}/v1`, apiKey: "sk-client-0001", maxRetries: 0 });
const ASK = [{ role: "user", content: "tea?" }];
let number = 0;
const model = (order, provider = "") => (DIRECT ? order : `${SDK_TARGET}${provider}/${order}`);
const fresh = (order, provider) => model(`${order}@node-${process.pid}-${++number}`, provider);
const chat = (order, more = {}) =>
  client.chat.completions.create({ model: model(order), messages: ASK, ...more });

async function callsOf(name) {
  const journal = await (await fetch(`${SDK_SIM}/_sim/journal`)).text();
  const calls = journal.trim().split("\n").map((line) => JSON.parse(line));
  const inner = name.includes("/") ? name.slice(name.indexOf("/") + 1) : name;
  return calls.filter((call) => call.model === inner);
}

const weather = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" } },
  required: ["city", "days"],
};
const tools = [
  { type: "function", function: { name: "weather", parameters: weather } },
  { type: "function", function: { name: "clock", parameters: { type: "object", properties: {} } } },
];

const cases = {
  async a_chat() {
    const answer = await chat("sim");
    assert.equal(answer.choices[0].message.content, TEXT);
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.deepEqual([answer.usage.prompt_tokens, answer.usage.completion_tokens], [9, 20]);
  },

  async a_stream() {
    let text = "";
    let last;
    const more = { stream: true, stream_options: { include_usage: true } };
    for await (const chunk of await chat("sim", more)) {
      text += chunk.choices[0]?.delta?.content ?? "";
      last = chunk;
    }
    assert.equal(text, TEXT);
    assert.deepEqual([last.choices, last.usage.completion_tokens], [[], 20]);
  },

  async many_turns_and_an_image() {
    const url = "data:image/png;base64,AAAA";
    const answer = await chat("sim:echo", {
      messages: [
        { role: "system", content: "be brief" },
        { role: "user", content: "hello ☕" },
        { role: "assistant", content: "hi" },
        { role: "user", content: [{ type: "image_url", image_url: { url } }] },
      ],
    });
    const told = JSON.parse(answer.choices[0].message.content);
    assert.equal(told.system, "be brief");
    assert.deepEqual(told.said, [
      { user: "hello ☕" },
      { assistant: "hi" },
      { user_image: "image/png, 3 bytes" },
    ]);
  },

  async a_tool_that_the_sdk_runs() {
    const asked = [];
    const parameters = z.object({ city: z.string(), days: z.number().int() });
    const run = (args) => {
      asked.push(args);
      return "18 C";
    };
    const runner = client.chat.completions.runTools({
      model: model("sim"),
      messages: [{ role: "user", content: "use the tool" }],
      tools: [zodFunction({ name: "weather", parameters, function: run })],
    });
    assert.equal(await runner.finalContent(), TEXT);
    assert.deepEqual(asked, [{ city: "tea", days: 1 }]);
  },

  async several_tools_in_a_stream() {
    const messages = [{ role: "user", content: "use every tool" }];
    const stream = client.chat.completions.stream({ model: model("sim"), messages, tools });
    const final = await stream.finalChatCompletion();
    const calls = final.choices[0].message.tool_calls;
    assert.deepEqual(calls.map((call) => call.function.name), ["weather", "clock"]);
    assert.deepEqual(JSON.parse(calls[0].function.arguments), { city: "tea", days: 1 });
    assert.equal(final.choices[0].finish_reason, "tool_calls");
  },

  async structured_output() {
    const Pet = z.object({ name: z.string(), legs: z.number().int(), tags: z.array(z.string()) });
    const answer = await client.chat.completions.parse({
      model: model("sim"),
      messages: ASK,
      response_format: zodResponseFormat(Pet, "pet"),
    });
    assert.deepEqual(answer.choices[0].message.parsed, { name: "tea", legs: 1, tags: ["tea"] });
  },

  async a_stop_string_and_a_bound() {
    const stopped = (await chat("sim", { stop: " drink" })).choices[0];
    assert.deepEqual([stopped.message.content, stopped.finish_reason], ["Tea is a", "stop"]);
    const cut = (await chat("sim", { max_completion_tokens: 2 })).choices[0];
    assert.deepEqual([cut.message.content, cut.finish_reason], ["Tea is", "length"]);
  },

  async errors_of_its_own_classes() {
    await assert.rejects(chat("fault:status-400"), OpenAI.BadRequestError);
    await assert.rejects(chat("fault:status-404"), OpenAI.NotFoundError);
    await assert.rejects(chat("fault:status-500"), OpenAI.InternalServerError);
    const ours = DIRECT ? OpenAI.AuthenticationError : OpenAI.InternalServerError;
    await assert.rejects(chat("fault:status-401"), ours);
    const limited = { model: fresh("fault:retry-after-300", "-limited"), messages: ASK };
    await assert.rejects(client.chat.completions.create(limited), OpenAI.RateLimitError);
  },

  async what_heals_is_asked_again() {
    const name = fresh("fault:status-503+times-2");
    const patient = client.withOptions({ maxRetries: 2 });
    const answer = await patient.chat.completions.create({ model: name, messages: ASK });
    assert.equal(answer.choices[0].message.content, TEXT);
    assert.equal((await callsOf(name)).length, 3);
  },

  async a_stream_that_breaks() {
    for (const order of ["fault:cut-3", "fault:error-event-3"]) {
      let text = "";
      const reasons = new Set();
      const read = async () => {
        for await (const chunk of await chat(order, { stream: true })) {
          text += chunk.choices[0]?.delta?.content ?? "";
          reasons.add(chunk.choices[0]?.finish_reason ?? null);
        }
      };
      await assert.rejects(read(), DIRECT ? Error : OpenAI.APIError, order);
      assert.deepEqual([text, [...reasons]], ["Tea is a", [null]], order);
    }
  },

  async a_reader_that_leaves_is_noticed() {
    const name = fresh("fault:stall-3");
    const stream = await client.chat.completions.create({ model: name, messages: ASK, stream: true });
    for await (const chunk of stream) {
      if (chunk.choices[0].delta.content) break;
    }
    stream.controller.abort();
    const until = Date.now() + 5000;
    while ((await callsOf(name))[0]?.outcome !== "cut_by_client") {
      assert.ok(Date.now() < until, "the provider is still writing");
      await new Promise((wake) => setTimeout(wake, 20));
    }
  },

  async the_list_of_models() {
    const models = [];
    for await (const each of client.models.list()) models.push(each);
    assert.ok(models.length > 0 && models.every((each) => each.object === "model"));
  },

  async vectors() {
    const asked = { model: model("sim"), input: ["tea", "coffee"] };
    if (SDK_TARGET === "anthropic") {
      return assert.rejects(client.embeddings.create(asked), OpenAI.BadRequestError);
    }
    const answer = await client.embeddings.create(asked);
    assert.deepEqual(answer.data.map((each) => each.embedding.length), [4, 4]);
  },
};

let ran = 0;
let failed = 0;
for (const [name, run] of Object.entries(cases)) {
  if (!name.includes(SDK_ONLY)) continue;
  const start = performance.now();
  ran += 1;
  try {
    await run();
    console.log(`ok     ${name} (${((performance.now() - start) / 1000).toFixed(2)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED ${name}\n${error.stack}`);
  }
}
console.log(`${ran} cases, ${failed} failed`);
process.exit(failed || !ran ? 1 : 0);
