"""The sandbox's table of models, its errors and its signatures."""

import pytest

from factories.thoughts import redact, sign
from isthmus.routing.catalog import Catalog
from isthmus.sandbox.errors import ApiError, invalid
from isthmus.sandbox.models import MODELS, find
from isthmus.sandbox.signature import is_redacted, is_signed

KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_catalog_says_the_same_of_thinkings_bonds_and_of_the_cache(model):
    said = Catalog.load().row(model.id).capabilities
    assert (said.prefix_check, said.account_bound) == (model.prefix_check, model.account_bound)
    assert said.cache_minimum == model.cache_minimum


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_model_is_found_by_its_id_and_by_its_undated_alias(model):
    assert find(model.id) is model
    assert model.alias is None or find(model.alias) is model


@pytest.mark.parametrize(
    "name",
    [
        *("claude-3-7-sonnet-20250219", "claude-mythos-preview", "claude-opus-4-1-20250805"),
        *("claude-opus-4", "claude-sonnet-4-20250514", "claude-3-5-haiku-20241022"),
        *("claude-3-haiku-20240307", "CLAUDE-OPUS-5", "claude-opus-4-5-20251102", "", None, 7),
    ],
)
def test_retired_and_unknown_models_are_not_found(name):
    assert find(name) is None


@pytest.mark.parametrize(("status", "kind"), KINDS.items())
def test_status_decides_the_kind_of_an_error(status, kind):
    assert ApiError(status, "words").document("req_1") == {
        "type": "error",
        "error": {"type": kind, "message": "words"},
        "request_id": "req_1",
    }


def test_error_of_a_member_names_its_path():
    error = invalid("tools.0.name", "Field required")
    assert (error.status, error.message) == (400, "tools.0.name: Field required")


@pytest.mark.parametrize("thought", ["a thought", "", "思考"])
def test_signature_verifies_its_own_thought_and_the_emptied_one(thought):
    assert is_signed(thought, sign(thought))
    assert is_signed("", sign(thought))


@pytest.mark.parametrize("signature", [sign("another"), redact("a thought"), "", "c2ln", "%", "é"])
def test_signature_of_anything_else_does_not_verify(signature):
    assert not is_signed("a thought", signature)


def test_redacted_data_is_no_signature_and_the_other_way_round():
    assert is_redacted(redact("a thought"))
    assert not is_redacted(sign("a thought"))
    assert not is_signed("", redact("a thought"))
