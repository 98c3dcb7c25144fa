import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import UnknownModel
from isthmus.routing.catalog import Catalog
from isthmus.routing.names import Aliases, Names, Resolution

CATALOG = Catalog.load()
PLAIN = Names(CATALOG, {}, ())


def refusal(name: str, names: Names = PLAIN) -> UnknownModel:
    with pytest.raises(UnknownModel) as caught:
        names.resolve(name)
    return caught.value


@pytest.mark.parametrize("row", CATALOG.rows, ids=lambda row: row.id)
def test_an_id_means_itself(row):
    assert PLAIN.resolve(row.id) == Resolution(requested=row.id, model=row.id)


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("Claude-Opus-5", "claude-opus-5"),
        ("anthropic/claude-opus-5", "claude-opus-5"),
        ("claude/claude-opus-5", "claude-opus-5"),
        ("vertex_ai/claude-opus-5", "claude-opus-5"),
        ("bedrock/anthropic.claude-opus-5", "claude-opus-5"),
        ("us.anthropic.claude-opus-5", "claude-opus-5"),
        ("eu.anthropic.claude-opus-5", "claude-opus-5"),
        ("global.anthropic.claude-opus-5", "claude-opus-5"),
        ("bedrock/us.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5-20251001"),
        ("bedrock/anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5-20251001"),
        ("bedrock/global.anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        ("anthropic.claude-opus-4-6-v1:0", "claude-opus-4-6"),
        ("apac.anthropic.claude-sonnet-4-6", "claude-sonnet-4-6"),
        ("vertex_ai/claude-sonnet-4-5@20250929", "claude-sonnet-4-5-20250929"),
        ("vertex_ai/claude-opus-5-5", "claude-opus-5-5"),
        ("anthropic/claude-4.5-sonnet", "claude-sonnet-4-5-20250929"),
        ("Anthropic/Claude-Opus-5.5-Latest[1M]", "claude-opus-5-5"),
        ("claude-4.5-sonnet-20250929", "claude-sonnet-4-5-20250929"),
        ("claude-4.6-opus-latest", "claude-opus-4-6"),
        ("claude-haiku-4.5@20251001", "claude-haiku-4-5-20251001"),
        ("claude-opus-4-6-v1", "claude-opus-4-6"),
        ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5-20250929"),
        ("claude-sonnet-4-5-latest", "claude-sonnet-4-5-20250929"),
        ("claude-opus-5-5[1m]", "claude-opus-5-5"),
        ("claude-opus-5.5", "claude-opus-5-5"),
        ("claude-4.5-sonnet", "claude-sonnet-4-5-20250929"),
        ("claude-4-5-haiku-20251001", "claude-haiku-4-5-20251001"),
        ("claude-5-opus", "claude-opus-5"),
        ("claude-opus-4-5", "claude-opus-4-5-20251101"),
    ],
)
def test_other_spellings_of_an_id_mean_the_id_and_substitute_nothing(name: str, model: str):
    assert PLAIN.resolve(name) == Resolution(requested=name, model=model)


@pytest.mark.parametrize("name", ["claude-opus-4-6-thinking", "Claude-4.6-Opus-thinking[1m]"])
def test_the_suffix_thinking_asks_for_thinking(name: str):
    assert PLAIN.resolve(name) == Resolution(
        requested=name, model="claude-opus-4-6", thinking_suffix=True
    )


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("claude-sonnet-4-5-20250929-thinking", "claude-sonnet-4-5-20250929"),
        ("claude-4.5-haiku-thinking", "claude-haiku-4-5-20251001"),
        ("anthropic/claude-opus-5.5-thinking", "claude-opus-5-5"),
        ("us.anthropic.claude-opus-4-6-v1:0-thinking", "claude-opus-4-6"),
    ],
)
def test_the_suffix_thinking_goes_with_every_spelling(name: str, model: str):
    assert PLAIN.resolve(name) == Resolution(requested=name, model=model, thinking_suffix=True)


def test_a_substituted_model_can_be_asked_to_think():
    assert PLAIN.resolve("claude-3-7-sonnet-20250219-thinking") == Resolution(
        requested="claude-3-7-sonnet-20250219-thinking",
        model="claude-sonnet-4-6",
        substituted=True,
        thinking_suffix=True,
    )


@pytest.mark.parametrize(
    ("name", "successor"),
    [
        ("claude-4.0-opus", "claude-opus-5-5"),
        ("claude-4-opus", "claude-opus-5-5"),
        ("claude-opus-4.1", "claude-opus-5-5"),
        ("claude-4.1-opus-20250805", "claude-opus-5-5"),
        ("claude-sonnet-4@20250514", "claude-sonnet-5-5"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "claude-sonnet-5-5"),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-sonnet-5-5"),
        ("claude-3-5-haiku-latest", "claude-haiku-5-5"),
        ("claude-haiku-3.5", "claude-haiku-5-5"),
        ("anthropic/claude-3-opus", "claude-opus-5-5"),
        ("claude-opus-3-20240229", "claude-opus-5-5"),
    ],
)
def test_every_spelling_of_a_retired_model_names_its_successor(name: str, successor: str):
    error = refusal(name)
    assert error.code == "model_retired"
    assert f"'{successor}'" in error.message


@pytest.mark.parametrize(
    "name",
    [
        "claude-3.7-sonnet",
        "claude-3-7-sonnet-20250219",
        "anthropic/claude-3.7-sonnet",
        "claude-sonnet-3.7",
        "claude-3-7-sonnet-latest",
    ],
)
def test_the_shipped_alias_holds_for_every_spelling(name: str):
    assert PLAIN.resolve(name) == Resolution(
        requested=name, model="claude-sonnet-4-6", substituted=True
    )


@pytest.mark.parametrize("switched_off", ["claude-3.7-sonnet", "claude-3-7-sonnet-20250219"])
@pytest.mark.parametrize("name", ["claude-3.7-sonnet", "claude-3-7-sonnet-20250219"])
def test_the_operator_can_switch_the_shipped_alias_off(switched_off: str, name: str):
    names = Names(CATALOG, {switched_off: False}, ())
    error = refusal(name, names)
    assert (error.status, error.code) == (404, "model_retired")
    assert "claude-sonnet-4-6" in error.message
    assert "claude-3.7-sonnet" not in names.public()


def test_the_operator_can_lead_the_shipped_alias_elsewhere():
    names = Names(CATALOG, {"claude-3.7-sonnet": "claude-opus-5-5"}, ())
    for name in ("claude-3.7-sonnet", "claude-3-7-sonnet-20250219", "anthropic/claude-3.7-sonnet"):
        assert names.resolve(name).model == "claude-opus-5-5"


@pytest.mark.parametrize("model", CATALOG.retired, ids=lambda model: model.id)
def test_a_retired_model_is_refused_naming_its_successor(model):
    names = Names(CATALOG, {"claude-3.7-sonnet": False}, ())
    for name in (model.id, *model.aliases):
        error = refusal(name, names)
        assert (error.status, error.code, error.param) == (404, "model_retired", "model")
        assert f"'{model.successor}'" in error.message


@pytest.mark.parametrize(
    "name",
    [
        "",
        "gpt-4o",
        "claude",
        "claude-",
        "my-claude",
        "deepseek/deepseek-v3.2-251201",
        "anthropic/claude-nova-7",
        "clаude-opus-5",
        "claude-opus-5\n",
        "claude-nova 7",
        "claude-nova-7\r\nx: y",
        "claude-" + "x" * 300,
    ],
)
def test_a_name_that_is_no_model_is_not_found(name: str):
    error = refusal(name)
    assert (error.status, error.code, error.param) == (404, "model_not_found", "model")
    assert len(error.message) < 200


@pytest.mark.parametrize(
    "name",
    [
        "claude-opus-5-20260724",
        "claude-opus-5-5-20260922",
        "claude-sonnet-4-6-20260217",
        "claude-sonnet-4-6@20260217",
        "us.anthropic.claude-opus-5-20260724-v1:0",
    ],
)
def test_a_date_on_an_id_that_has_none_is_not_found(name: str):
    assert refusal(name).code == "model_not_found"


@pytest.mark.parametrize("name", ["claude-nova-7", "claude-opus-6-20270101", "claude-opus-5-5-5"])
def test_an_unknown_claude_id_passes_unchanged(name: str):
    assert PLAIN.resolve(name) == Resolution(requested=name, model=name)
    assert CATALOG.row(name) is None


def test_an_alias_counts_more_than_the_id_it_is_named_like():
    names = Names(CATALOG, {"claude-opus-5": "claude-opus-5-5"}, ())
    assert names.resolve("claude-opus-5") == Resolution(
        requested="claude-opus-5", model="claude-opus-5-5", substituted=True
    )
    assert names.resolve("anthropic/claude-opus-5").model == "claude-opus-5-5"


def test_an_alias_of_an_undated_id_leaves_the_dated_one_alone():
    names = Names(CATALOG, {"claude-sonnet-4-5": "claude-sonnet-5-5"}, ())
    assert names.resolve("claude-4.5-sonnet").model == "claude-sonnet-5-5"
    assert names.resolve("claude-sonnet-4-5-20250929").model == "claude-sonnet-4-5-20250929"


def test_an_alias_that_only_spells_its_target_substitutes_nothing():
    names = Names(CATALOG, {"claude-4.5-sonnet": "claude-sonnet-4-5"}, ())
    assert not names.resolve("claude-4.5-sonnet").substituted


def test_aliases_may_lead_to_aliases_and_to_the_operators_models():
    names = Names(CATALOG, {"gpt-4o": "best", "best": "my-claude"}, ["my-claude"])
    assert names.resolve("gpt-4o") == Resolution(
        requested="gpt-4o", model="my-claude", substituted=True
    )


def test_an_alias_may_ask_for_thinking():
    names = Names(CATALOG, {"deep": "claude-opus-4-6-thinking"}, ())
    assert names.resolve("deep").thinking_suffix


def test_the_operators_models_are_found_by_their_exact_name_only():
    names = Names(CATALOG, {}, ["my-claude"])
    assert names.resolve("my-claude").model == "my-claude"
    for name in ("My-Claude", "my-claude-thinking", "anthropic/my-claude"):
        assert refusal(name, names).code == "model_not_found"


def test_the_operator_may_serve_a_retired_model():
    names = Names(CATALOG, {}, ["claude-3-7-sonnet-20250219"])
    resolution = names.resolve("claude-3.7-sonnet")
    assert resolution.model == "claude-3-7-sonnet-20250219"
    assert not resolution.substituted


@pytest.mark.parametrize(
    ("aliases", "complaint"),
    [
        ({"a": "a"}, "circle: a -> a"),
        ({"a": "b", "b": "c", "c": "a"}, "circle"),
        ({"claude-opus-5": "anthropic/claude-opus-5"}, "circle"),
        ({"claude-sonnet-4-6": "claude-3.7-sonnet"}, "circle"),
        ({"a": "gpt-4o"}, "alias 'a'"),
        ({"a": "claude-3-opus-20240229"}, "alias 'a'.*retired"),
        ({"my-claude": "claude-opus-5"}, "both a model and an alias"),
        ({"claude-opus-5": False}, "nothing by it is shipped"),
    ],
)
def test_aliases_that_lead_nowhere_are_refused_at_the_start(aliases: Aliases, complaint: str):
    with pytest.raises(ValueError, match=complaint):
        Names(CATALOG, aliases, ["my-claude"])


def test_the_public_names_are_ids_undated_ids_and_aliases():
    public = Names(CATALOG, {"gpt-4o": "my-claude"}, ["my-claude"]).public()
    assert public[0] == CATALOG.rows[0].id
    assert {"claude-opus-4-5", "claude-3.7-sonnet", "gpt-4o", "my-claude"} <= set(public)
    assert len(public) == len(set(public))


OPERATORS = Names(
    CATALOG,
    {
        "claude-sonnet-4-5": "claude-sonnet-5-5",
        "gpt-4o": "claude-opus-5",
        "claude-opus-5": "my-claude",
        "claude-3-opus-20240229": "claude-opus-4-6-thinking",
    },
    ["my-claude", "claude-haiku-4-5-20251001"],
)
KNOWN = [name for row in CATALOG.rows for name in (row.id, *row.aliases)]
KNOWN += [name for model in CATALOG.retired for name in (model.id, *model.aliases)]
DRESSED = st.tuples(
    st.sampled_from(["", "anthropic/", "us.anthropic.", "vertex_ai/", "claude/", "claude-"]),
    st.sampled_from([*KNOWN, "claude-4.5-sonnet", "claude-3.7-sonnet", "gpt-4o", "my-claude"]),
    st.sampled_from(["", "-latest", "-v1:0", "-thinking", "[1m]", "-20260101", "@20250929", "."]),
    st.sampled_from(["", "-thinking", "[1m]", "-20260101"]),
).map("".join)
ANYTHING = st.text() | st.text(string.ascii_letters + string.digits + "-._:@/[]")


@given(name=DRESSED | ANYTHING | ANYTHING.map("claude-".__add__))
def test_every_name_is_resolved_or_refused_and_what_it_means_means_itself(name: str):
    for names in (PLAIN, OPERATORS):
        try:
            model = names.resolve(name).model
        except UnknownModel:
            continue
        assert names.resolve(model) == Resolution(requested=model, model=model)
