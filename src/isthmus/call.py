"""The nouns every room shares: what a call is, where it went, what it used and how it ended.

Nothing here knows a protocol, a clock or a network.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

from msgspec import Struct, field

Effort = Literal["low", "medium", "high", "xhigh", "max"]
#: When the end of a prompt is marked for caching without being asked for.
Caching = Literal["auto", "off", "always"]
ThinkingType = Literal["enabled", "adaptive", "disabled", "between_tools"]

#: Weakest first; clamping an effort walks this order.
EFFORTS: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")


class Capabilities(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one model accepts. A row of the catalog; nothing else may depend on a model's name."""

    #: The longest prompt and answer; 0: not known, which is never so of Claude.
    max_input_tokens: int
    max_output_tokens: int
    #: Values `thinking.type` may take.
    thinking: tuple[ThinkingType, ...]
    #: What happens when a request says nothing: thinks, does not, or cannot be told not to.
    thinking_default: Literal["off", "on", "always"]
    #: What is shown of the thinking when a request does not say.
    thinking_display: Literal["summarized", "omitted"]
    #: Accepted levels of `output_config.effort`, weakest first; empty: the model has none.
    efforts: tuple[Effort, ...]
    default_effort: Effort | None = None
    #: The strongest effort that may go with thinking switched off; None: any.
    effort_without_thinking: Effort | None = None
    #: Non-default temperature, top_p, top_k: refused; one of the first two; all.
    sampling: Literal["none", "one_of", "both"]
    #: A conversation may end with an assistant turn, which the model continues.
    prefill: bool
    #: `tool_choice` any and tool.
    forced_tools: bool
    #: `role: "system"` inside `messages`.
    mid_system: bool
    #: Which accounts have thinking blocks checked against everything before them.
    prefix_check: Literal["none", "new_accounts", "all_accounts"]
    #: Thinking blocks can be read only in the account that produced them.
    account_bound: bool
    structured_outputs: bool
    #: Fewer prompt tokens than this are not cached.
    cache_minimum: int
    image_input: bool = True
    pdf_input: bool = True
    #: Answers may be asked for fast, at a higher price; the operator says so, no row does.
    fast_mode: bool = False


class ChatDialect(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one OpenAI-compatible vendor spells what vendors spell differently.

    A row of the vendors' table; nothing else may depend on a vendor's name.
    """

    #: The member that limits the answer.
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    #: The role that instructions have.
    instructions: Literal["system", "developer"] = "system"
    #: Instructions may stand later in the conversation, too.
    late_instructions: bool = True
    #: Several texts of one message may stay apart, as parts.
    text_parts: bool = True
    top_k: bool = False
    #: How many entries `stop` may have.
    most_stops: int = 4
    #: Tools with `strict`, after OpenAI's rules.
    strict_tools: bool = False
    #: `parallel_tool_calls` is known.
    parallel_switch: bool = True
    #: The member that names the end user; none: there is no such member.
    user: Literal["user", "safety_identifier", "none"] = "user"
    #: Parts may carry `prompt_cache_breakpoint`.
    cache_marks: bool = False
    #: Characters that the id of a tool call may have.
    longest_call_id: int = 40
    #: Members that make a model think, and that keep it from thinking.
    thinks: dict[str, Any] = {}
    thinks_not: dict[str, Any] = {}
    #: The member that limits the tokens of thinking.
    budget: str | None = None
    #: The member in which earlier thinking goes back, and where in the history it does.
    thoughts_member: Literal["reasoning_content", "reasoning"] | None = None
    thoughts_back: Literal["always", "tool_loop"] = "tool_loop"


class ChatCapabilities(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one model behind an OpenAI-compatible upstream accepts."""

    dialect: ChatDialect = ChatDialect()
    #: The longest answer; None: not known, nothing is clamped.
    max_output_tokens: int | None = None
    image_input: bool = True
    pdf_input: bool = False
    #: Whether it thinks: never, when told to, or whatever it is told.
    thinking: Literal["never", "switched", "always"] = "never"
    #: Values of `reasoning_effort`, weakest first; empty: it has no levels.
    efforts: tuple[Literal["minimal", "low", "medium", "high", "xhigh", "max"], ...] = ()
    #: `reasoning_effort: none` is a level that it takes.
    effort_none: bool = False
    #: It thinks although it has tools.
    thinks_with_tools: bool = True
    #: temperature, top_p and top_k: refused; taken where it does not think; taken.
    sampling: Literal["none", "without_thinking", "all"] = "all"
    #: `response_format` of type json_schema.
    structured_outputs: bool = True
    #: `tool_choice` required and by name.
    forced_tools: bool = True


class Price(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model costs, in pico-dollars (1e-12 USD) per token.

    ``above_tokens`` is the prompt length from which this row replaces the one before it.
    """

    input: int
    output: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    above_tokens: int = 0


class Usage(Struct, frozen=True, kw_only=True):
    """Tokens of one answer, by class. The four input classes do not overlap.

    ``output_tokens`` includes ``thinking_tokens``.
    """

    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    output_tokens: int = 0
    thinking_tokens: int | None = None
    service_tier: str | None = None
    speed: str | None = None
    #: Where it was computed, if that was asked for: `us` or `global`.
    inference_geo: str | None = None
    #: Searches that the model had its vendor make; each costs money.
    web_searches: int = 0

    @property
    def cache_write_tokens(self) -> int:
        """Tokens written to the prompt cache, whatever they live."""
        return self.cache_write_5m_tokens + self.cache_write_1h_tokens

    @property
    def prompt_tokens(self) -> int:
        """All tokens of the prompt: uncached, read from and written to the cache."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_tokens


def plus(usage: Usage | None, other: Usage | None) -> Usage | None:
    """Add up what two answers to one call used; None stands for not told."""
    if usage is None or other is None:
        return usage or other
    thought = (usage.thinking_tokens, other.thinking_tokens)
    return Usage(
        input_tokens=usage.input_tokens + other.input_tokens,
        cache_read_tokens=usage.cache_read_tokens + other.cache_read_tokens,
        cache_write_5m_tokens=usage.cache_write_5m_tokens + other.cache_write_5m_tokens,
        cache_write_1h_tokens=usage.cache_write_1h_tokens + other.cache_write_1h_tokens,
        output_tokens=usage.output_tokens + other.output_tokens,
        thinking_tokens=None if thought == (None, None) else sum(t or 0 for t in thought),
        service_tier=other.service_tier or usage.service_tier,
        speed=other.speed or usage.speed,
        inference_geo=other.inference_geo or usage.inference_geo,
        web_searches=usage.web_searches + other.web_searches,
    )


#: Nano-dollars in a dollar.
DOLLAR = 10**9


def dollars(nano: int) -> str:
    """Write nano-dollars as dollars, exactly."""
    whole, rest = divmod(nano, DOLLAR)
    return f"{whole}.{rest:09d}"


class Facts(Struct, frozen=True, kw_only=True):
    """The few things about a request that routing and access need to know."""

    model: str
    stream: bool


class Attempt(Struct, kw_only=True):
    """One try at one base URL of one upstream, with one of its credentials.

    ``sent`` tells how much of the request had left when the attempt ended: only ``nothing`` proves
    that it cannot have been billed. ``credential`` is its number within the upstream, from 1.
    ``usage`` is what was seen of it, also where the attempt failed, and ``cost`` what that comes to
    in nano-dollars: None where nobody knows. ``prices`` are what it goes by.
    """

    upstream: str
    model: str
    base_url: str
    credential: int = 1
    status: int | None = None
    #: The upstream's own id of the call, for its support.
    request_id: str | None = None
    sent: Literal["nothing", "some", "all", "unknown"] = "unknown"
    error: str | None = None
    usage: Usage | None = None
    #: Whether some of it is a guess: the upstream had not come to telling.
    estimated: bool = False
    cost: int | None = None
    prices: tuple[Price, ...] = ()


Ending = Literal["complete", "client_closed", "failed", "refused"]


class Outcome(Struct, kw_only=True):
    """How a call ended; handed to the observer exactly once per call.

    ``refused`` means the caller got an error as a whole answer, ``failed`` that an answer was under
    way. Seconds are monotonic differences.
    """

    request_id: str
    endpoint: str
    principal: str | None = None
    model: str | None = None
    #: The model as its caller named it.
    asked: str | None = None
    #: Whether it went upstream, or was about to.
    began: bool = False
    ending: Ending = "refused"
    status: int = 0
    error: str | None = None
    attempts: list[Attempt] = field(default_factory=list[Attempt])
    usage: Usage | None = None
    seconds: float = 0.0
    first_content_seconds: float | None = None
    #: Whether the answer went out as events.
    streamed: bool = False
    #: For how long it waited for a place.
    queued_seconds: float = 0.0
    #: The budgets that pay for it, each with the period of it.
    charges: tuple[tuple[str, str], ...] = ()
    #: What was reserved of them, in nano-dollars, and how much of that for the prompt.
    reserved: int = 0
    reserved_prompt: int = 0

    @property
    def cost(self) -> int | None:
        """What all attempts cost together, in nano-dollars.

        None where none has used anything, or one has used what nobody knows the price of.
        """
        if len(self.attempts) == 1:
            return self.attempts[0].cost
        used = [attempt for attempt in self.attempts if attempt.usage is not None]
        costs = [attempt.cost for attempt in used if attempt.cost is not None]
        return sum(costs) if used and len(costs) == len(used) else None


IncidentKind = Literal[
    "ejected",
    "recovered",
    "quarantined",
    "parked",
    "cooldown",
    "retried",
    "failed_over",
    "hedged",
    "reload",
    "reload_failed",
]


class Incident(Struct, frozen=True, kw_only=True):
    """Something that happened to an upstream, told when it happens.

    ``credential`` is its number within the upstream, ``reason`` one word, ``seconds`` for how long.
    """

    kind: IncidentKind
    upstream: str = ""
    credential: str = ""
    base_url: str = ""
    model: str = ""
    reason: str = ""
    seconds: float = 0.0


class Observer(Protocol):
    """Whoever wants to know what happens: logs and metrics now, the ledger later."""

    def ended(self, outcome: Outcome) -> None:
        """Take one outcome. Must not block and must not raise."""
        ...

    def noticed(self, incident: Incident) -> None:
        """Take one incident. Must not block and must not raise."""
        ...
