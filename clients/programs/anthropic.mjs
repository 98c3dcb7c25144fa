// The Anthropic SDK for TypeScript: every step throws where the gateway is not what it expects.
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";

const client = new Anthropic({ maxRetries: 0 });
const model = process.env.MODEL;
const ask = (text, more = {}) => ({ model, max_tokens: 512, messages: [{ role: "user", content: text }], ...more });
const LOOK = { name: "look", input_schema: { type: "object", properties: { at: { type: "string" } } } };

const steps = {
  async models() {
    const ids = [];
    for await (const one of client.models.list({ limit: 5 })) ids.push(one.id);
    assert.ok(ids.includes(model));
  },
  async whole() {
    const message = await client.messages.create(ask("Hello!"));
    assert.equal(message.stop_reason, "end_turn");
    assert.ok(message.content[0].text.length > 0);
  },
  async streamed() {
    const stream = client.messages.stream(ask("Hello!"));
    let text = "";
    stream.on("text", (delta) => (text += delta));
    const message = await stream.finalMessage();
    assert.equal(message.content[0].text, text);
    assert.ok(message.usage.output_tokens > 0);
  },
  async tools() {
    const messages = [{ role: "user", content: '[[sandbox: tool=look{"at":"x"}]]' }];
    const first = await client.messages.create({ ...ask(""), messages, tools: [LOOK] });
    const use = first.content.find((block) => block.type === "tool_use");
    assert.deepEqual(use.input, { at: "x" });
    messages.push({ role: "assistant", content: first.content });
    messages.push({ role: "user", content: [{ type: "tool_result", tool_use_id: use.id, content: "a cat" }] });
    const second = await client.messages.create({ ...ask(""), messages, tools: [LOOK] });
    assert.match(second.content[0].text, /a cat/);
  },
  async structured() {
    const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
    const message = await client.messages.create(ask("Where?", { output_config: { format: { type: "json_schema", schema } } }));
    assert.equal(typeof JSON.parse(message.content[0].text).city, "string");
  },
  async thinking() {
    const message = await client.messages.create(ask("Hello!", { max_tokens: 4096, thinking: { type: "adaptive" } }));
    assert.ok(message.content.some((block) => block.type === "thinking" && block.signature));
  },
  async counts() {
    const counted = await client.messages.countTokens({ model, messages: [{ role: "user", content: "Hello!" }] });
    assert.ok(counted.input_tokens > 0);
  },
  async errors() {
    await assert.rejects(client.messages.create({ ...ask("Hi"), model: "nothing-like-it" }), Anthropic.NotFoundError);
    await assert.rejects(client.messages.create(ask("Hi", { max_tokens: -1 })), Anthropic.BadRequestError);
    const stranger = new Anthropic({ apiKey: "wrong", authToken: null, maxRetries: 0 });
    await assert.rejects(stranger.messages.create(ask("Hi")), Anthropic.AuthenticationError);
  },
  async retries() {
    const patient = new Anthropic({ maxRetries: 1 });
    await assert.rejects(patient.messages.create(ask("[[sandbox: fail=529]]")), (error) => error.status === 529);
  },
};

for (const [name, step] of Object.entries(steps)) {
  await step();
  console.log(`ok ${name}`);
}
