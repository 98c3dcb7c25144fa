"""What can be configured. Each field's description is also the reference page's."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from isthmus.call import Caching
from isthmus.config.overrides import CapabilitiesConfig, RateConfig

ANTHROPIC = "https://api.anthropic.com"

#: More than a day is a mistake; TOML's `inf` would be one, too.
Seconds = Annotated[float, Meta(gt=0, le=86_400, description="Seconds, more than 0.")]
Name = Annotated[str, Meta(pattern="^[A-Za-z0-9._-]{1,64}$")]


class Secret:
    """A secret that does not show itself in logs, errors or debuggers."""

    __slots__ = ("_value", "reference")

    def __init__(self, value: str, reference: str) -> None:
        self._value = value
        self.reference = reference

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({self.reference!r})"


class ProxyURL(Secret):
    """The URL of a proxy, which may hold a password. Where it was written out: no reference."""

    __slots__ = ()


class _Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class ServerTimeoutsConfig(_Section, frozen=True, kw_only=True):
    """How long a client may keep the gateway waiting, in seconds."""

    header: Annotated[
        Seconds, Meta(description="For the whole head of a request, from its first byte.")
    ] = 10.0
    body: Annotated[
        Seconds,
        Meta(description="For its whole body, which has to come at 16 KiB/s after five seconds."),
    ] = 60.0
    queue: Annotated[
        Seconds, Meta(description="Waiting for a place where too many calls are under way.")
    ] = 1.0
    client_stall: Annotated[
        Seconds, Meta(description="Taking nothing of an answer that is there to be read.")
    ] = 60.0
    keep_alive: Annotated[Seconds, Meta(description="Between two requests of a connection.")] = 75.0


class ServerConfig(_Section, frozen=True, kw_only=True):
    """Where the gateway listens and how it behaves as a server."""

    host: Annotated[str, Meta(min_length=1, description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port to listen on.")] = 4100
    state: Annotated[
        str | None,
        Meta(
            description="Directory for what is kept between starts. Absent: the environment "
            "variable ISTHMUS_STATE, else isthmus/<port> in the user's state directory."
        ),
    ] = None
    secrets: Annotated[
        tuple[Secret, ...],
        Meta(
            description="What remembered thinking is encrypted with where several processes share "
            "it: `env:NAME` or `file:/path`, 32 bytes or more each. The first encrypts, all "
            "decrypt. Absent: one that is made once in the state directory."
        ),
    ] = ()
    anonymous_models: Annotated[
        bool, Meta(description="Whether GET /v1/models is answered without a key.")
    ] = True
    drain_delay: Annotated[
        float,
        Meta(
            ge=0,
            description="Seconds for which new connections are still taken after SIGTERM, while "
            "/readyz already says 503.",
        ),
    ] = 5.0
    drain_timeout: Annotated[
        float,
        Meta(
            ge=0,
            le=3600,
            description="Seconds for which running answers may go on after that.",
        ),
    ] = 120.0
    max_connections: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(
            description="How many clients may be connected. Above it, the connection that has been "
            "idle longest is closed. Absent: half of the files the system lets it open."
        ),
    ] = None
    max_in_flight: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(
            description="How many calls may be under way; as many may wait. Absent: what the "
            "limits of open files and of memory allow."
        ),
    ] = None
    timeouts: Annotated[
        ServerTimeoutsConfig, Meta(description="How long a client may keep the gateway waiting.")
    ] = field(default_factory=ServerTimeoutsConfig)


class TimeoutsConfig(_Section, frozen=True, kw_only=True):
    """How long an upstream may take, in seconds."""

    connect: Annotated[Seconds, Meta(description="Name lookup, TCP, a proxy and TLS.")] = 5.0
    first_byte: Annotated[
        Seconds,
        Meta(description="Until the head of a streamed answer. Longer where a schema must be met."),
    ] = 120.0
    first_content: Annotated[Seconds, Meta(description="Until the first content of a stream.")] = (
        120.0
    )
    stall: Annotated[
        Seconds, Meta(description="Any silence in a stream after that; pings count as life.")
    ] = 60.0
    content_idle: Annotated[
        Seconds,
        Meta(
            description="Pings and nothing else in a stream that has begun, unless the model "
            "thinks or writes a tool call."
        ),
    ] = 300.0
    write: Annotated[Seconds, Meta(description="Until the upstream has taken a request.")] = 30.0
    total: Annotated[Seconds, Meta(description="A whole streamed answer.")] = 3600.0
    unary_total: Annotated[Seconds, Meta(description="A whole answer asked for in one piece.")] = (
        600.0
    )


class ApiKeyConfig(_Section, frozen=True, kw_only=True):
    """One of several credentials of an upstream."""

    secret: Annotated[
        Secret, Meta(description="`env:NAME` or `file:/path`; never the secret itself.")
    ]
    account: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        Meta(
            description="The organisation it belongs to, by any name. Keys of one account read "
            "each other's thinking and share prompt caches. Absent: an account of its own.",
        ),
    ] = None


class UpstreamConfig(_Section, frozen=True, kw_only=True):
    """An upstream: a platform that serves models, and the credential for it."""

    kind: Annotated[
        Literal["anthropic", "openai_compatible", "sandbox"],
        Meta(
            description="`anthropic`: the Messages API. `openai_compatible`: the Chat Completions "
            "of any vendor. `sandbox`: the built-in simulator."
        ),
    ]
    base_urls: Annotated[
        tuple[str, ...],
        Meta(
            description="Primary first, then backups; with or without /v1. Of an "
            "`openai_compatible` upstream what stands before /chat/completions. Not for a sandbox."
        ),
    ] = ()
    api_key: Annotated[
        Secret | None,
        Meta(
            description="`env:NAME` or `file:/path`; never the secret itself. Not for a sandbox, "
            "and only where it is asked for at an `openai_compatible` upstream."
        ),
    ] = None
    api_keys: Annotated[
        tuple[ApiKeyConfig, ...],
        Meta(
            description="Instead of `api_key`: several credentials. Conversations are spread over "
            "their accounts, and each stays with its own."
        ),
    ] = ()
    proxy: Annotated[
        ProxyURL | None,
        Meta(
            description="The HTTP proxy through which it is reached (CONNECT), such as "
            "`http://proxy.example.com:3128`; with a password better `env:NAME` or `file:/path` of "
            "`http://user:password@host:port`. Absent: none, whatever the environment says. Not "
            "for a sandbox."
        ),
    ] = None
    vendor: Annotated[
        str | None,
        Meta(
            description="Who stands behind an `openai_compatible` upstream, for what vendors spell "
            "differently: `openai`, `deepseek`, `doubao`, `glm`, `kimi`, `mistral`, `openrouter`, "
            "`qwen` or `vllm`. Absent: as most spell it."
        ),
    ] = None
    passthrough: Annotated[
        tuple[Annotated[str, Meta(pattern="^/v1/[A-Za-z0-9/_-]+$")], ...],
        Meta(
            description="Further paths of an `openai_compatible` upstream that callers may use as "
            "they are, such as `/v1/embeddings`."
        ),
    ] = ()
    api_version: Annotated[
        Literal["2023-06-01", "2026-10-21"] | None,
        Meta(description="The only `anthropic-version` it takes. Absent: whichever fits a call."),
    ] = None
    hedge_after: Annotated[
        Seconds | None,
        Meta(
            description="When a short answer in one piece has not come by then, ask another route "
            "as well and take what comes first. Both are billed, so at most one call in twenty is "
            "hedged. Absent: never."
        ),
    ] = None
    timeouts: Annotated[TimeoutsConfig, Meta(description="How long it may take.")] = field(
        default_factory=TimeoutsConfig
    )


class TargetConfig(_Section, frozen=True, kw_only=True):
    """A model of one upstream."""

    upstream: Annotated[str, Meta(description="The upstream's name in this file.")]
    model: Annotated[str, Meta(min_length=1, description="The model's id there.")]
    tier: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(
            description="Lower tiers are tried first; targets of one tier share the "
            "conversations. Absent: the target's place in the list, or 1 if it has a weight.",
        ),
    ] = None
    weight: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="Its share of the conversations of its tier. Absent: 1."),
    ] = None


class ModelConfig(_Section, frozen=True, kw_only=True):
    """A model under a name of your own, or a model of the catalog of which you know better."""

    targets: Annotated[
        tuple[TargetConfig, ...],
        Meta(
            min_length=1,
            description="Tried in this order, unless tiers or weights say otherwise. May be absent "
            "if the name is an id of the catalog.",
        ),
    ] = ()
    capabilities: Annotated[
        CapabilitiesConfig | None, Meta(description="What it accepts. Absent: as catalogued.")
    ] = None
    prices: Annotated[
        RateConfig | tuple[RateConfig, ...] | None,
        Meta(description="What it costs; takes the place of all that is catalogued."),
    ] = None


class KeyConfig(_Section, frozen=True, kw_only=True):
    """A key that callers may use."""

    secret: Annotated[
        Secret, Meta(description="`env:NAME` or `file:/path`; 16 characters or more.")
    ]


class TranslationConfig(_Section, frozen=True, kw_only=True):
    """How requests are translated."""

    caching: Annotated[
        Caching,
        Meta(
            description="Whether the end of a prompt is marked for the prompt cache when the "
            "request does not decide. `auto`: in conversations and with tools, where the prompt is "
            "long enough to be cached; `always`; `off`."
        ),
    ] = "auto"
    default_max_tokens: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="For requests without a limit. Absent: the model's."),
    ] = None
    unary_max_tokens: Annotated[
        int,
        Meta(
            ge=0,
            description="An answer that cannot be longer is asked for in one piece when the client "
            "does not stream; longer ones are streamed from the upstream and put together.",
        ),
    ] = 4096
    web_search: Annotated[
        bool,
        Meta(
            description="Whether web_search_options let Claude search the web; each search costs "
            "money."
        ),
    ] = False
    remember_thinking: Annotated[
        bool,
        Meta(
            description="Whether signed thinking is kept for a day, for clients that do not bring "
            "it back."
        ),
    ] = True


class ResponsesConfig(_Section, frozen=True, kw_only=True):
    """Responses that are kept for their callers, in memory."""

    store: Annotated[
        bool,
        Meta(
            description="Whether responses are kept, for `previous_response_id` and to be fetched; "
            "each for the key that asked, and only by a single process."
        ),
    ] = False
    capacity: Annotated[
        Annotated[int, Meta(ge=1, le=65_536)],
        Meta(description="How much is kept at most, in megabytes; the oldest go first."),
    ] = 256
    lifetime: Annotated[Seconds, Meta(description="How long a response is kept, in seconds.")] = (
        86_400.0
    )


class StorageConfig(_Section, frozen=True, kw_only=True):
    """Where keys, budgets and the books are kept."""

    url: Annotated[
        Secret | None,
        Meta(
            description="`env:NAME` or `file:/path` of `postgresql://user:password@host/database`, "
            "which several gateways may share. Absent: `isthmus.sqlite3` in the state directory."
        ),
    ] = None


class LedgerConfig(_Section, frozen=True, kw_only=True):
    """The books: what every call used and cost."""

    enabled: Annotated[
        bool,
        Meta(description="Whether they are kept. Budgets need them."),
    ] = True


class AdminConfig(_Section, frozen=True, kw_only=True):
    """The listener for operators: metrics and health. It asks for no key."""

    listen: Annotated[
        str | Literal[False] | None,
        Meta(
            description="Address and port, such as `127.0.0.1:4101` or `[::1]:4101`; `false`: "
            "none. Absent: 127.0.0.1 and the port after the server's, if it is free."
        ),
    ] = None


class Config(_Section, frozen=True, kw_only=True):
    """The whole file."""

    server: Annotated[ServerConfig, Meta(description="The server.")] = field(
        default_factory=ServerConfig
    )
    upstreams: Annotated[
        dict[str, UpstreamConfig], Meta(description="Upstreams by name, in order of preference.")
    ] = field(default_factory=dict[str, UpstreamConfig])
    aliases: Annotated[
        dict[str, str | Literal[False]],
        Meta(description="Other names for models; false switches a shipped alias off."),
    ] = field(default_factory=dict[str, str | Literal[False]])
    models: Annotated[
        dict[str, ModelConfig], Meta(description="Models of your own, and corrections of others.")
    ] = field(default_factory=dict[str, ModelConfig])
    keys: Annotated[dict[str, KeyConfig], Meta(description="Keys of callers, by name.")] = field(
        default_factory=dict[str, KeyConfig]
    )
    translation: Annotated[TranslationConfig, Meta(description="How requests are translated.")] = (
        field(default_factory=TranslationConfig)
    )
    responses: Annotated[ResponsesConfig, Meta(description="Stored responses.")] = field(
        default_factory=ResponsesConfig
    )
    storage: Annotated[StorageConfig, Meta(description="Where things are kept.")] = field(
        default_factory=StorageConfig
    )
    ledger: Annotated[LedgerConfig, Meta(description="The books.")] = field(
        default_factory=LedgerConfig
    )
    admin: Annotated[AdminConfig, Meta(description="The listener for operators.")] = field(
        default_factory=AdminConfig
    )


SECTIONS = (
    Config,
    ServerConfig,
    ServerTimeoutsConfig,
    UpstreamConfig,
    ApiKeyConfig,
    TimeoutsConfig,
    ModelConfig,
    TargetConfig,
    CapabilitiesConfig,
    RateConfig,
    KeyConfig,
    TranslationConfig,
    ResponsesConfig,
    StorageConfig,
    LedgerConfig,
    AdminConfig,
)
