"""LangChain's OpenAI client: a call, a stream, a tool's round, a form."""

import os

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

MODEL = os.environ["MODEL"]


class City(BaseModel):
    city: str


@tool
def look(at: str) -> str:
    """Look at something."""
    return f"a cat at {at}"


def check(name: str, said: bool) -> None:
    if not said:
        raise SystemExit(f"not as expected: {name}")
    print(f"ok {name}")


model = ChatOpenAI(model=MODEL, max_retries=0)
check("whole", bool(model.invoke("Hello!").content))
chunks = list(model.stream("Hello!"))
check("streamed", len(chunks) > 1 and bool("".join(str(one.content) for one in chunks)))
asked = [HumanMessage('[[sandbox: tool=look{"at":"x"}]]')]
first = model.bind_tools([look]).invoke(asked)
[call] = first.tool_calls
check("call", call["args"] == {"at": "x"})
result = ToolMessage(look.invoke(call["args"]), tool_call_id=call["id"])
check(
    "tools", "a cat at x" in str(model.bind_tools([look]).invoke([*asked, first, result]).content)
)
check("structured", isinstance(model.with_structured_output(City).invoke("Where?"), City))
