"""The configuration: one TOML file, unknown keys forbidden, secrets by reference.

`settings` and `overrides` say what there is, `loading` reads it, `lines` finds where in the file a
setting stands.
"""

from isthmus.config.changes import files_of, needs_restart
from isthmus.config.loading import ConfigError, complaint, load
from isthmus.config.overrides import CapabilitiesConfig, RateConfig
from isthmus.config.settings import (
    AdminConfig,
    ApiKeyConfig,
    Config,
    KeyConfig,
    ModelConfig,
    Secret,
    ServerConfig,
    TargetConfig,
    TimeoutsConfig,
    TranslationConfig,
    UpstreamConfig,
)

__all__ = [
    "AdminConfig",
    "ApiKeyConfig",
    "CapabilitiesConfig",
    "Config",
    "ConfigError",
    "KeyConfig",
    "ModelConfig",
    "RateConfig",
    "Secret",
    "ServerConfig",
    "TargetConfig",
    "TimeoutsConfig",
    "TranslationConfig",
    "UpstreamConfig",
    "complaint",
    "files_of",
    "load",
    "needs_restart",
]
