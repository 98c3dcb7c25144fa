"""The configuration file: what is wrong is told in one line, with its place."""

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.config import Config, ConfigError, Secret, load
from isthmus.config.lines import line_of

SCHEMA = json.loads(
    (Path(__file__).parents[1] / "docs" / "reference" / "config.schema.json").read_text()
)
ENVIRONMENT = {
    "KEY": "k" * 20,
    "OTHER": "o" * 20,
    "LONG": "l" * 32,
    "SHORT": "s",
    "EMPTY": "",
    "ODD": "x" * 20 + "\n",
}
BOX = '[upstreams.box]\nkind = "sandbox"\n'
VENDOR = '[upstreams.v]\nkind = "openai_compatible"\nbase_urls = ["https://v.example"]\n'
MAIN = '[upstreams.main]\nkind = "anthropic"\napi_key = "env:KEY"\n'


def loaded(tmp_path: Path, text: str) -> Config:
    file = tmp_path / "isthmus.toml"
    file.write_text(text)
    return load(file, ENVIRONMENT)


WRONG = {
    "unknown setting": (BOX + "[server]\nprot = 1", "4: server.prot:", "did you mean 'port'?"),
    "unknown section": (BOX + "[shelf]\nx = 1", "3: shelf:", "no such setting"),
    "both kinds of keys": (
        MAIN + 'api_keys = [{ secret = "env:KEY" }]',
        "4: upstreams.main.api_keys:",
        "one of them is meant",
    ),
    "one key twice": (
        '[upstreams.a]\nkind = "anthropic"\n'
        'api_keys = [{ secret = "env:KEY" }, { secret = "env:KEY", account = "b" }]',
        "3: upstreams.a.api_keys:",
        "number 2 is the same",
    ),
    "for ever": (
        MAIN + "timeouts = { total = inf }",
        "4: upstreams.main.timeouts.total:",
        "<= 86400",
    ),
    "wrong type": (BOX + '[server]\nport = "x"', "4: server.port:", "expected `int`"),
    "out of range": (BOX + "[server]\nport = 70000", "4: server.port:", "<= 65535"),
    "vendor without address": (
        '[upstreams.v]\nkind = "openai_compatible"\n',
        "1: upstreams.v.base_urls:",
        "is required",
    ),
    "version of another protocol": (
        VENDOR + 'api_version = "2023-06-01"',
        "4: upstreams.v.api_version:",
        "takes none",
    ),
    "vendor of Claude": (MAIN + 'vendor = "openai"', "4: upstreams.main.vendor:", "takes none"),
    "further path of Claude": (
        MAIN + 'passthrough = ["/v1/x"]',
        "4: upstreams.main.passthrough:",
        "takes none",
    ),
    "unknown kind": (BOX + '[upstreams.b]\nkind = "x"', "4: upstreams.b.kind:", "'x'"),
    "no kind": ("[upstreams.a]", "1: upstreams.a:", "`kind`"),
    "no upstream": ("[server]\nport = 1", "upstreams:", "at least one"),
    "unset variable": (
        '[upstreams.a]\nkind = "anthropic"\napi_key = "env:NO"',
        "3: upstreams.a.api_key:",
        "'NO'",
    ),
    "empty variable": (
        '[upstreams.a]\nkind = "anthropic"\napi_key = "env:EMPTY"',
        "3: upstreams.a.api_key:",
        "empty",
    ),
    "secret with a line end": (
        '[upstreams.a]\nkind = "anthropic"\napi_key = "env:ODD"',
        "3: upstreams.a",
        "characters",
    ),
    "missing file": (
        '[upstreams.a]\nkind = "anthropic"\napi_key = "file:/no"',
        "3: upstreams.a.api_key:",
        "/no",
    ),
    "literal secret": (
        '[upstreams.a]\nkind = "anthropic"\napi_key = "sk-ant-1"',
        "3: upstreams.a",
        "env:NAME",
    ),
    "no credential": ('[upstreams.a]\nkind = "anthropic"', "1: upstreams.a.api_key:", "required"),
    "sandbox with a key": (BOX + 'api_key = "env:KEY"', "3: upstreams.box.api_key:", "takes none"),
    "odd URL": (MAIN + 'base_urls = ["ftp://x"]', "4: upstreams.main.base_urls:", "ftp://x"),
    "URL with a password": (MAIN + 'base_urls = ["http://a:b@c"]', "4: upstreams.main", "plain"),
    "proxy by TLS": (MAIN + 'proxy = "https://p:1"', "4: upstreams.main.proxy:", "by http://"),
    "proxy without a port": (
        MAIN + 'proxy = "http://me:sk-ant-1@p"',
        "4: upstreams.main.proxy:",
        "with its port",
    ),
    "proxy with a path": (MAIN + 'proxy = "http://p:1/x"', "4: upstreams.main.proxy:", "with its"),
    "proxy with an odd port": (
        MAIN + 'proxy = "http://p:x"',
        "4: upstreams.main.proxy:",
        "with its",
    ),
    "proxy with a line end": (MAIN + 'proxy = "http://p\\n:1"', "4: upstreams.main.proxy:", "with"),
    "proxy of another kind": (MAIN + 'proxy = "socks5://p:1"', "4: upstreams.main", "env:NAME"),
    "proxy that is not set": (MAIN + 'proxy = "env:NO"', "4: upstreams.main.proxy:", "'NO'"),
    "proxy that is none": (MAIN + 'proxy = "env:KEY"', "4: upstreams.main.proxy:", "with its port"),
    "sandbox with a proxy": (BOX + 'proxy = "http://p:1"', "3: upstreams.box.proxy:", "takes none"),
    "odd name": ('[upstreams."a b"]\nkind = "sandbox"', '1: upstreams."a b":', "names have"),
    "short key": (BOX + '[keys.x]\nsecret = "env:SHORT"', "4: keys.x.secret:", "at least 16"),
    "same key twice": (
        BOX + '[keys.x]\nsecret = "env:KEY"\n[keys.y]\nsecret = "env:KEY"',
        "6: keys.y.secret:",
        "'x'",
    ),
    "short server secret": (
        BOX + '[server]\nsecrets = ["env:LONG", "env:KEY"]',
        "4: server.secrets:",
        "number 2 has less than 32 bytes",
    ),
    "literal server secret": (BOX + '[server]\nsecrets = ["x"]', "4: server.secrets", "env:NAME"),
    "unknown upstream": (
        BOX + '[models."a/b.c"]\n\ntargets = [{ upstream = "no", model = "m" }]',
        '5: models."a/b.c".targets:',
        "'no'",
    ),
    "unknown in an inline table": (
        BOX + '[models.m]\ntargets = [\n  { upstream = "box", model = "m", wieght = 1 },\n]',
        "4: models.m.targets.wieght:",
        "did you mean 'weight'",
    ),
    "unknown capability": (
        BOX + '[models."a.b".capabilities]\n\nwings = 2',
        '5: models."a.b".capabilities.wings:',
        "no such setting",
    ),
    "wrong capability": (
        BOX + '[models.m.capabilities]\nefforts = ["huge"]',
        "4: models.m.capabilities.efforts:",
        "'huge'",
    ),
    "no price of cached prompts": (
        BOX + "[models.m.prices]\ninput = 1\noutput = 2",
        "3: models.m.prices:",
        "`cache_read`",
    ),
    "price below nothing": (
        BOX + "[[models.m.prices]]\ninput = -1\noutput = 2\ncache_read = 0",
        "4: models.m.prices.input:",
        ">= 0",
    ),
    "price without end": (
        BOX + "[models.m.prices]\ninput = inf\noutput = 2\ncache_read = 0",
        "4: models.m.prices.input:",
        "<= 1000000",
    ),
    "no target": (BOX + "[models.m]\ntargets = []", "4: models.m.targets:", "length"),
    "reachable without keys": (BOX + '[server]\nhost = "0.0.0.0"', "4: server.host:", "keys"),
    "no time at all": (BOX + "timeouts = { stall = 0 }", "3: upstreams.box.timeouts.stall:", "> 0"),
    "alias to true": (BOX + '[aliases]\n"a.b" = true', '4: aliases."a.b":', ""),
    "syntax": ("[server", "1:", "xpected"),
    "too deep": ("x = " + "[" * 3000 + "]" * 3000, "", "nested too deeply"),
    "number without end": (BOX + "[server]\nport = " + "9" * 5000, "", "too long a number"),
    "file that is no path": (
        BOX + '[keys.x]\nsecret = "file:/\\u0000"',
        "4: keys.x.secret:",
        "no path",
    ),
    "URL with a line end": (MAIN + 'base_urls = ["http://a\\nb"]', "4: upstreams.main", "plain"),
    "URL with a space": (MAIN + 'base_urls = ["http://a b"]', "4: upstreams.main", "plain"),
    "line end in a name": (BOX + '[keys."a\\nb"]\nsecret = "env:KEY"', '3: keys."a\\nb":', "names"),
    "name of digits": (BOX + '[upstreams.1]\nkind = "x"', "4: upstreams.1.kind:", "'x'"),
    "value like a place": (
        BOX + '[upstreams.b]\nkind = "x - at y"',
        "4: upstreams.b.kind:",
        "at y'",
    ),
    "setting with a back quote": (BOX + '"a`b" = 1', '3: upstreams.box."a`b":', "no such setting"),
}


@pytest.mark.parametrize("name", WRONG)
def test_mistake_is_told_in_one_line_with_its_place(tmp_path, name):
    text, place, words = WRONG[name]
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    message = str(caught.value)
    assert f"isthmus.toml:{place}" in message.replace("isthmus.toml: ", "isthmus.toml:")
    assert words in message
    assert "\n" not in message
    assert "sk-ant-1" not in message


def test_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "nothing", {})
    (tmp_path / "x").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="UTF-8"):
        load(tmp_path / "x", {})


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://v.example", "https://v.example/v1"),
        ("https://v.example/v1/", "https://v.example/v1"),
        ("https://v.example/openai", "https://v.example/openai/v1"),
        ("https://v.example/api/paas/v4", "https://v.example/api/paas/v4"),
        ("https://v.example/v1beta/openai/", "https://v.example/v1beta/openai"),
        ("https://v.example/chat/completions", "https://v.example"),
    ],
)
def test_base_urls_of_vendors_have_a_version(tmp_path, written, meant):
    config = loaded(tmp_path, VENDOR.replace("https://v.example", written))
    assert config.upstreams["v"].base_urls == (meant,)


@pytest.mark.parametrize("url", ["http://a", "http://a/", "http://a/v1", "http://a/v1/"])
def test_base_urls_are_taken_with_and_without_version(tmp_path, url):
    assert loaded(tmp_path, MAIN + f'base_urls = ["{url}"]').upstreams["main"].base_urls == (
        "http://a",
    )


def test_secret_of_a_file_loses_its_line_end(tmp_path):
    (tmp_path / "key").write_text("from-a-file-0123\n")
    config = loaded(tmp_path, BOX + f'[keys.x]\nsecret = "file:{tmp_path / "key"}"')
    assert config.keys["x"].secret.reveal() == "from-a-file-0123"


def test_secret_shows_where_it_is_and_never_what_it_is(tmp_path):
    config = loaded(tmp_path, MAIN)
    assert "k" * 20 not in f"{config!r} {config}"
    assert str(Secret("hidden", "env:X")) == "Secret('env:X')"


def test_secrets_of_the_server_keep_their_order(tmp_path):
    (tmp_path / "old").write_text("f" * 40 + "\n")
    text = BOX + f'[server]\nsecrets = ["env:LONG", "file:{tmp_path}/old"]'
    secrets = loaded(tmp_path, text).server.secrets
    assert [secret.reveal() for secret in secrets] == ["l" * 32, "f" * 40]


def test_without_a_file_the_sandbox_is_served():
    assert [u.kind for u in load(None, {}).upstreams.values()] == ["sandbox"]


def test_without_a_file_a_credential_is_used():
    upstream = load(None, {"ANTHROPIC_API_KEY": "sk"}).upstreams["main"]
    assert (upstream.kind, upstream.base_urls) == ("anthropic", ("https://api.anthropic.com",))


def test_command_line_goes_before_the_file(tmp_path):
    file = tmp_path / "isthmus.toml"
    file.write_text(BOX + "[server]\nport = 1")
    assert load(file, {}, port=2).server.port == 2
    with pytest.raises(ConfigError, match=r"server\.host"):
        load(file, {}, host="0.0.0.0")


@pytest.mark.parametrize(
    "name",
    [
        "unknown setting",
        "wrong type",
        "unknown kind",
        "literal secret",
        "no target",
        "out of range",
        "no time at all",
        "unknown capability",
        "wrong capability",
        "no price of cached prompts",
        "price below nothing",
    ],
)
def test_schema_refuses_what_the_loader_refuses(name):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(WRONG[name][0]), SCHEMA)


CORRECTED = (
    BOX + '[models."m.n"]\ncapabilities = { efforts = ["low"], prefill = true }\n'
    "prices = [{ input = 0.1, output = 1, cache_read = 0, above_tokens = 5 }]\n"
    "[models.n.prices]\ninput = 1\noutput = 1\ncache_read = 0\n"
)


@pytest.mark.parametrize("text", [BOX, MAIN, BOX + '[keys.x]\nsecret = "env:KEY"', CORRECTED])
def test_schema_takes_what_the_loader_takes(tmp_path, text):
    jsonschema.validate(tomllib.loads(text), SCHEMA)
    loaded(tmp_path, text)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("a",), 2),
        (("a", "b"), 3),
        (("a", "text"), 4),
        (("a", "list", "x"), 8),
        (("c d", "e.f"), 13),
        (("a", "after"), 11),
        (("none",), None),
    ],
)
def test_lines_are_found_past_strings_and_brackets(path, line):
    text = (
        '# [no]\n[a]\nb = 1\ntext = """\n[no]\nb = 2\n"""\nlist = [\n  { x = "]" }, # [no]\n]\n'
        'after = \'#"\'\n["c d"]\n"e.f" = 1\n'
    )
    assert line_of(text, path) == line


def toml(value: object) -> str:
    """Write a value on one line; JSON's strings, numbers and truths are TOML's too."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return json.dumps(value)


_VALUES = st.recursive(
    st.booleans()
    | st.integers(-9, 99999)
    | st.sampled_from(["env:KEY", "file:\0", "sandbox", "anthropic", "x\ny", "http://a"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    "kind",
                    "api_key",
                    "base_urls",
                    "secret",
                    "targets",
                    "upstream",
                    "model",
                    "host",
                    "port",
                    "x",
                    "timeouts",
                    "stall",
                    "capabilities",
                    "efforts",
                    "prices",
                    "input",
                    "output",
                    "cache_read",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(["server", "upstreams", "models", "keys", "aliases", "translation", "x"]),
        _VALUES,
        max_size=4,
    )
)
def test_no_file_makes_the_loader_fail_otherwise(tmp_path_factory, document):
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_text("".join(f"{name} = {toml(value)}\n" for name, value in document.items()))
    try:
        load(file, ENVIRONMENT)
    except ConfigError as error:
        assert len(str(error).splitlines()) == 1
