"""Agents with tools, on every model: their thinking goes on, whatever the client keeps of it."""

import json

import pytest

from isthmus.routing.catalog import Catalog

ROWS = Catalog.load().rows
ROUNDS = 20
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}},
        },
    }
    for name in ("look", "count")
]
BUDGET = {"thinking": {"type": "enabled", "budget_tokens": 1024}}


def echoed(message) -> dict:
    """Keep a message as a client does that sends everything back."""
    return message.model_dump(exclude_none=True)


def plain(message) -> dict:
    """Keep what a client keeps that knows no thinking; it spaces arguments in its own way."""
    kept = {"role": "assistant", "content": message.content}
    if message.tool_calls:
        kept["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {
                    "name": call.function.name,
                    "arguments": json.dumps(json.loads(call.function.arguments), indent=1),
                },
            }
            for call in message.tool_calls
        ]
    return kept


class Agent:
    """Calls tools in a loop; ``keep`` decides what it remembers of an answer."""

    def __init__(self, client, model: str, keep, extra: dict) -> None:
        self.messages: list[dict] = [{"role": "system", "content": "You are an agent."}]
        self.remarks: list[str] = []
        self.thoughts = 0
        self._client = client
        self._request = {"model": model, "tools": TOOLS, "max_tokens": 8192, "extra_body": extra}
        self._keep = keep

    def ask(self) -> list[str]:
        """Ask once; return the ids of the calls."""
        raw = self._client.chat.completions.with_raw_response.create(
            messages=self.messages, **self._request
        )
        self.remarks.append(raw.headers.get("x-isthmus-warnings", ""))
        message = raw.parse().choices[0].message
        self.thoughts += len(getattr(message, "reasoning_details", None) or [])
        self.messages.append(self._keep(message))
        return [call.id for call in message.tool_calls or []]

    def work(self, number: int) -> None:
        """Go once around: a question, two calls at once, their results, an order, an answer."""
        orders = "[[sandbox: think=8 tool=look tool=count]]"
        self.messages.append({"role": "user", "content": f"Round {number}. {orders}"})
        calls = self.ask()
        assert len(calls) == 2
        for call in reversed(calls):
            self.messages.append({"role": "tool", "tool_call_id": call, "content": f"r{number}"})
        if number % 3 == 0:
            self.messages.append({"role": "system", "content": f"Be brief, {number}."})
        assert self.ask() == []


@pytest.mark.parametrize("keep", [echoed, plain])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_agent_goes_round_and_round_and_no_thought_is_lost(client, row, keep):
    capabilities = row.capabilities
    manual = "adaptive" not in capabilities.thinking
    agent = Agent(client, row.id, keep, BUDGET if manual else {"thinking": {"type": "adaptive"}})
    agent.messages[0]["content"] += f" {row.id} {keep.__name__}"
    for number in range(ROUNDS):
        agent.work(number)
    assert agent.thoughts >= ROUNDS
    said = " ".join(agent.remarks)
    for loss in ("thoughts", "without earlier thinking", "missing", "dropped"):
        assert loss not in said


@pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-sonnet-5-5", "claude-fable-5-2"])
def test_client_that_rewrites_its_history_is_served_and_told(client, model):
    agent = Agent(client, model, echoed, {})
    agent.work(0)
    agent.messages[0]["content"] = "You are another agent."
    agent.work(1)
    assert "thoughts" in " ".join(agent.remarks)
    assert all(message.get("content") or message.get("tool_calls") for message in agent.messages)


@pytest.mark.parametrize("model", ["claude-opus-5-5", "claude-sonnet-4-5"])
def test_client_that_rewrites_its_history_and_keeps_nothing_is_served_without_a_word(client, model):
    agent = Agent(client, model, plain, BUDGET if model.endswith("4-5") else {})
    agent.messages[0]["content"] = f"Rewriting {model}."
    agent.work(0)
    agent.messages[0]["content"] = "You are another agent."
    agent.work(1)
    assert "thoughts" not in " ".join(agent.remarks)
