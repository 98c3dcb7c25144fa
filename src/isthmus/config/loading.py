"""Reads the configuration file, resolves its secrets and checks what no type can say."""

from __future__ import annotations

import ipaddress
import json
import re
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
from msgspec import structs

from isthmus.config.address import address
from isthmus.config.lines import line_of
from isthmus.config.proxy import proxy
from isthmus.config.settings import (
    ANTHROPIC,
    SECTIONS,
    ApiKeyConfig,
    Config,
    ProxyURL,
    Secret,
    UpstreamConfig,
)

SHORTEST_KEY = 16
SHORTEST_SECRET = 32
API_KEY_VARIABLE = "ANTHROPIC_API_KEY"

#: Settings of upstreams that make no sense for some kinds of them.
_NOT_FOR = {
    "anthropic": ("vendor", "passthrough"),
    "openai_compatible": ("api_version",),
    "sandbox": ("base_urls", "api_key", "api_keys", "proxy", "vendor", "passthrough"),
}
_CHAT = "/chat/completions"
#: A version anywhere in a path.
_VERSION = re.compile(r"/v[0-9]")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_PLACED = re.compile(r"(.*?)(?: - at `(\$[^`]*)`)?", re.DOTALL)  # only the end can be the place
_SYNTAX = re.compile(r"(.*) \(at line (\d+), column (\d+)\)$")
_STEP = re.compile(r"\.([^.\[\]]+)|\[([^\]]*)\]")

KeyPath = tuple[str, ...]


class ConfigError(Exception):
    """The configuration cannot be used; the message names the place and what to do."""


class _Problem(Exception):
    """Something wrong at one key path; the loader adds the file and the line."""

    def __init__(self, path: KeyPath, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


def load(
    path: Path | None,
    environ: Mapping[str, str],
    *,
    host: str | None = None,
    port: int | None = None,
) -> Config:
    """Read the configuration; without a file, the one that ``environ`` suggests.

    ``host`` and ``port`` take the place of what the file says.

    Raises:
        ConfigError: it cannot be read or used.
    """
    instead = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    if path is None:
        try:
            return _checked(_without_file(environ), environ, instead)
        except _Problem as problem:
            raise ConfigError(f"{_dotted(problem.path)}: {problem.message}") from None
    document = _document(path, _text(path))
    try:
        return _checked(document, environ, instead)
    except _Problem as problem:
        raise complaint(path, problem.path, problem.message) from None


def complaint(path: Path, setting: KeyPath, message: str) -> ConfigError:
    """Say what is wrong with a setting of the file at ``path``, and on which line it stands."""
    line = line_of(_text(path), setting)
    place = f"{path}:{line}" if line else str(path)
    return ConfigError(f"{place}: {_dotted(setting)}: {message}")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text") from None


def _document(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_syntax(path, text, str(error))) from None
    except (RecursionError, ValueError):  # limits of the interpreter, which the parser lets through
        raise ConfigError(f"{path}: is nested too deeply or holds too long a number") from None


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _without_file(environ: Mapping[str, str]) -> dict[str, Any]:
    if not environ.get(API_KEY_VARIABLE):
        return {"upstreams": {"sandbox": {"kind": "sandbox"}}}
    return {"upstreams": {"main": {"kind": "anthropic", "api_key": f"env:{API_KEY_VARIABLE}"}}}


def _checked(
    document: dict[str, Any], environ: Mapping[str, str], instead: Mapping[str, Any]
) -> Config:
    _check_names(document)
    try:
        config = _converted(document)
    except msgspec.ValidationError as error:
        raise _type_problem(str(error), document) from None
    config = structs.replace(
        config,
        server=structs.replace(
            config.server, secrets=_server_secrets(config.server.secrets, environ), **instead
        ),
        upstreams={
            name: _upstream(("upstreams", name), upstream, environ)
            for name, upstream in config.upstreams.items()
        },
        keys={
            name: structs.replace(
                key, secret=_caller_key(("keys", name, "secret"), key.secret, environ)
            )
            for name, key in config.keys.items()
        },
    )
    _check_whole(config)
    return config


# Secrets ----------------------------------------------------------------------------------------


def _unresolved(kind: type[Secret], value: object) -> Secret:
    """Take a reference for later; what it leads to is known only with the environment."""
    if not isinstance(value, str):
        raise TypeError("Expected `str`, a reference to a secret")
    if kind is ProxyURL and value.startswith(("http://", "https://")):
        return ProxyURL(value, "")
    if not value.startswith(("env:", "file:")):
        raise ValueError(
            "a secret is never written here; write 'env:NAME' or 'file:/path' to say where it is"
        )
    return kind("", value)


def _resolved(path: KeyPath, secret: Secret, environ: Mapping[str, str]) -> Secret:
    kind, _, place = secret.reference.partition(":")
    if kind == "env":
        value = environ.get(place)
        if value is None:
            raise _Problem(path, f"the environment variable {place!r} is not set")
    else:
        try:
            value = Path(place).read_text("utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else _not_readable(error)
            raise _Problem(path, f"the file {place!r} cannot be read: {why}") from None
    if not value.strip():
        raise _Problem(path, f"{secret.reference!r} is empty")
    if not value.isascii() or not value.isprintable():
        raise _Problem(path, f"{secret.reference!r} holds characters that no header can carry")
    return Secret(value, secret.reference)


def _not_readable(error: ValueError) -> str:
    return "it is not text" if isinstance(error, UnicodeDecodeError) else "this is no path"


def _server_secrets(secrets: tuple[Secret, ...], environ: Mapping[str, str]) -> tuple[Secret, ...]:
    path = ("server", "secrets")
    resolved = tuple(_resolved(path, secret, environ) for secret in secrets)
    for number, secret in enumerate(resolved, 1):
        if len(secret.reveal().strip()) < SHORTEST_SECRET:
            raise _Problem(path, f"number {number} has less than {SHORTEST_SECRET} bytes")
    return resolved


def _caller_key(path: KeyPath, secret: Secret, environ: Mapping[str, str]) -> Secret:
    resolved = _resolved(path, secret, environ)
    if len(resolved.reveal()) < SHORTEST_KEY:
        raise _Problem(path, f"a key has at least {SHORTEST_KEY} characters")
    return resolved


# Upstreams --------------------------------------------------------------------------------------


def _upstream(
    path: KeyPath, upstream: UpstreamConfig, environ: Mapping[str, str]
) -> UpstreamConfig:
    """Fill in what is absent; afterwards all credentials are in ``api_keys``."""
    for name in _NOT_FOR[upstream.kind]:
        if getattr(upstream, name):
            raise _Problem((*path, name), f"an upstream of kind {upstream.kind!r} takes none")
    if upstream.kind == "sandbox":
        return upstream
    foreign, place = upstream.kind == "openai_compatible", (*path, "base_urls")
    if foreign and not upstream.base_urls:
        raise _Problem(place, "is required, for instance ['https://api.openai.com']")
    complete = _versioned if foreign else _unversioned
    written = upstream.base_urls or (ANTHROPIC,)
    urls = tuple(complete(_base_url(place, url)) for url in written)
    return structs.replace(
        upstream,
        base_urls=tuple(dict.fromkeys(urls)),
        api_key=None,
        api_keys=_credentials(path, upstream, environ),
        proxy=_proxy((*path, "proxy"), upstream.proxy, environ),
    )


def _credentials(
    path: KeyPath, upstream: UpstreamConfig, environ: Mapping[str, str]
) -> tuple[ApiKeyConfig, ...]:
    """Return the credentials with their secrets and accounts."""
    if upstream.api_key is not None:
        if upstream.api_keys:
            raise _Problem((*path, "api_keys"), "there is an api_key as well; one of them is meant")
        secret = _resolved((*path, "api_key"), upstream.api_key, environ)
        return (ApiKeyConfig(secret=secret, account=path[-1]),)
    if not upstream.api_keys and upstream.kind != "openai_compatible":
        raise _Problem((*path, "api_key"), "is required, for instance 'env:ANTHROPIC_API_KEY'")
    keys: dict[str, ApiKeyConfig] = {}
    for number, key in enumerate(upstream.api_keys, 1):
        secret = _resolved((*path, "api_keys"), key.secret, environ)
        if secret.reveal() in keys:
            raise _Problem((*path, "api_keys"), f"number {number} is the same as another")
        account = key.account or f"{path[-1]}/{number}"
        keys[secret.reveal()] = ApiKeyConfig(secret=secret, account=account)
    return tuple(keys.values())


def _proxy(path: KeyPath, written: ProxyURL | None, environ: Mapping[str, str]) -> ProxyURL | None:
    if written is None:
        return None
    url = _resolved(path, written, environ) if written.reference else written
    try:
        proxy(url)
    except ValueError as error:
        raise _Problem(path, str(error)) from None
    return ProxyURL(url.reveal(), url.reference)


def _base_url(path: KeyPath, url: str) -> str:
    """Return the URL without a trailing slash."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        sound, parts = False, urlsplit("")
    odd = parts.query or parts.fragment or parts.username is not None
    # Taking a URL apart removes line ends without a word; sending it would not.
    if not sound or odd or " " in url or not url.isprintable():
        raise _Problem(path, f"{url!r} is not a plain http(s) URL such as {ANTHROPIC!r}")
    return url.rstrip("/")


def _unversioned(url: str) -> str:
    """Return the URL without ``/v1``, which is part of every path of the Messages API."""
    return url.removesuffix("/v1").rstrip("/")


def _versioned(url: str) -> str:
    """Return the URL with its version: vendors have ``/v1``, ``/api/paas/v4`` and others.

    One that names the endpoint itself is meant as it is.
    """
    if url.endswith(_CHAT):
        return url.removesuffix(_CHAT)
    return url if _VERSION.search(urlsplit(url).path) else f"{url}/v1"


# The whole --------------------------------------------------------------------------------------


def _check_names(document: dict[str, Any]) -> None:
    for section in ("upstreams", "keys"):
        names = document.get(section)
        if isinstance(names, dict):
            for name in cast("dict[str, Any]", names):
                if not _NAME.fullmatch(name):
                    raise _Problem(
                        (section, name), "names have 1 to 64 letters, digits, dots, dashes or _"
                    )


def _check_whole(config: Config) -> None:
    if not config.upstreams:
        raise _Problem(("upstreams",), "at least one upstream is needed")
    for name, model in config.models.items():
        for target in model.targets:
            if target.upstream not in config.upstreams:
                raise _Problem(
                    ("models", name, "targets"), f"there is no upstream {target.upstream!r}"
                )
    if isinstance(config.admin.listen, str):
        try:
            address(config.admin.listen)
        except ValueError as error:
            raise _Problem(("admin", "listen"), str(error)) from None
    holders: dict[str, str] = {}
    for name, key in config.keys.items():
        other = holders.setdefault(key.secret.reveal(), name)
        if other != name:
            raise _Problem(("keys", name, "secret"), f"is the same as that of {other!r}")
    if not config.keys and not is_loopback(config.server.host):
        raise _Problem(
            ("server", "host"), "others can reach this address: configure [keys.NAME] first"
        )


# Errors -----------------------------------------------------------------------------------------


def _type_problem(message: str, document: dict[str, Any]) -> _Problem:
    """Turn the decoder's sentence into a path and a reason."""
    placed = _PLACED.fullmatch(message)
    reason, place = placed.groups("") if placed else (message, "")
    path = _path(place, document)
    unknown = _UNKNOWN.fullmatch(reason)
    if unknown:
        name = unknown.group(1)
        return _Problem((*path, name), f"there is no such setting{_suggestion(name)}")
    return _Problem(path, reason[:1].lower() + reason[1:])


def _path(place: str, document: dict[str, Any]) -> KeyPath:
    """Read a path such as ``$.upstreams[...].kind``.

    The decoder writes ``...`` for the name of an entry: it is the first that does not fit.
    """
    steps = [first or second for first, second in _STEP.findall(place)]
    steps = [step for step in steps if not step.isdecimal()]
    if "..." in steps:
        at = steps.index("...")
        entries = cast("dict[str, Any]", document.get(steps[0], {}))
        misfits = [name for name in entries if not _fits({steps[0]: {name: entries[name]}})]
        steps[at : at + 1] = misfits[:1]
    return tuple(steps)


def _fits(document: dict[str, Any]) -> bool:
    try:
        _converted(document)
    except msgspec.ValidationError:
        return False
    return True


def _converted(document: dict[str, Any]) -> Config:
    return msgspec.convert(document, Config, dec_hook=_unresolved)


def _suggestion(name: str) -> str:
    known = [field for section in SECTIONS for field in section.__struct_fields__]
    close = get_close_matches(name, known, 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _dotted(path: KeyPath) -> str:
    return ".".join(
        step if _NAME.fullmatch(step) and "." not in step else _quoted(step) for step in path
    )


def _quoted(step: str) -> str:
    """Quote a key; what would break the line or not show is escaped."""
    return json.dumps(step, ensure_ascii=not step.isprintable())


def _syntax(path: Path, text: str, message: str) -> str:
    match = _SYNTAX.match(message)
    if match is None:  # the parser says "at end of document"
        return f"{path}:{text.count(chr(10)) + 1}: {message}"
    return f"{path}:{match.group(2)}: {match.group(1)} (column {match.group(3)})"
