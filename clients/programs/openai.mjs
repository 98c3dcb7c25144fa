// The OpenAI SDK for TypeScript: every step throws where the gateway is not what it expects.
import assert from "node:assert/strict";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const client = new OpenAI({ maxRetries: 0 });
const model = process.env.MODEL;
const ask = (text, more = {}) => ({ model, messages: [{ role: "user", content: text }], ...more });

const steps = {
  async models() {
    const ids = [];
    for await (const one of client.models.list()) ids.push(one.id);
    assert.ok(ids.includes(model));
  },
  async whole() {
    const answer = await client.chat.completions.create(ask("Hello!"));
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.ok(answer.choices[0].message.content.length > 0);
    assert.ok(answer.usage.completion_tokens > 0);
  },
  async streamed() {
    const stream = await client.chat.completions.create(
      ask("Hello!", { stream: true, stream_options: { include_usage: true } }),
    );
    let text = "", usage;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta?.content ?? "";
      usage = chunk.usage ?? usage;
    }
    assert.ok(text.length > 0 && usage.total_tokens > 0);
  },
  async tools() {
    const seen = [];
    const runner = client.chat.completions.runTools({
      ...ask('[[sandbox: tool=look{"at":"x"}]]'),
      tools: [
        {
          type: "function",
          function: {
            name: "look",
            parameters: { type: "object", properties: { at: { type: "string" } } },
            parse: JSON.parse,
            function: (given) => (seen.push(given.at), "a cat"),
          },
        },
      ],
    });
    assert.match(await runner.finalContent(), /a cat/);
    assert.deepEqual(seen, ["x"]);
  },
  async structured() {
    const format = zodResponseFormat(z.object({ city: z.string() }), "city");
    const answer = await client.chat.completions.parse(ask("Where?", { response_format: format }));
    assert.equal(typeof answer.choices[0].message.parsed.city, "string");
  },
  async thinking() {
    const answer = await client.chat.completions.create(ask("Hello!", { reasoning_effort: "high" }));
    assert.ok(answer.choices[0].message.reasoning_content.length > 0);
  },
  async errors() {
    const none = client.chat.completions.create({ ...ask("Hi"), model: "nothing-like-it" });
    await assert.rejects(none, OpenAI.NotFoundError);
    const wrong = client.chat.completions.create(ask("Hi", { temperature: 9 }));
    await assert.rejects(wrong, (error) => error instanceof OpenAI.BadRequestError && error.param === "temperature");
    const stranger = new OpenAI({ apiKey: "sk-wrong", maxRetries: 0 });
    await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
  },
  async retries() {
    const patient = new OpenAI({ maxRetries: 1 });
    const busy = patient.chat.completions.create(ask("[[sandbox: fail=529]]"));
    await assert.rejects(busy, (error) => error.status === 503);
  },
  async responses() {
    const made = await client.responses.create({ model, input: "Hello!" });
    assert.ok(made.output_text.length > 0);
    const stream = client.responses.stream({ model, input: "Hello!" });
    let deltas = "";
    for await (const event of stream) if (event.type === "response.output_text.delta") deltas += event.delta;
    assert.equal((await stream.finalResponse()).output_text, deltas);
  },
  async responseTools() {
    const tools = [{ type: "function", name: "look", strict: false, parameters: { type: "object", properties: { at: { type: "string" } } } }];
    const input = [{ role: "user", content: '[[sandbox: tool=look{"at":"x"}]]' }];
    const first = await client.responses.create({ model, input, tools });
    const call = first.output.find((item) => item.type === "function_call");
    assert.deepEqual(JSON.parse(call.arguments), { at: "x" });
    input.push(...first.output, { type: "function_call_output", call_id: call.call_id, output: "a cat" });
    const second = await client.responses.create({ model, input, tools });
    assert.match(second.output_text, /a cat/);
  },
};

for (const [name, step] of Object.entries(steps)) {
  await step();
  console.log(`ok ${name}`);
}
