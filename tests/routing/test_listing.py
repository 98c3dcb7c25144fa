import pytest

from isthmus.errors import UnknownModel
from isthmus.routing.catalog import Catalog
from isthmus.routing.described import Descriptions
from isthmus.routing.listing import Listing
from isthmus.routing.names import Names
from isthmus.routing.plan import Target

CATALOG = Catalog.load()
MODELS = {
    "my-claude": [Target("main", "claude-opus-5-5")],
    "my-next": [Target("main", "claude-nova-7")],
}
LISTING = Listing(
    Descriptions(CATALOG), Names(CATALOG, {"gpt-4o": "claude-sonnet-5-5"}, MODELS), MODELS
)


def test_the_list_starts_with_the_newest_model_and_names_nothing_twice():
    ids = [entry.id for entry in LISTING.entries]
    assert ids[0] == "claude-fable-5-2"
    assert len(ids) == len(set(ids))
    assert {"claude-haiku-4-5", "claude-3.7-sonnet", "gpt-4o", "my-claude", "my-next"} <= set(ids)


def test_retired_models_are_listed_only_as_aliases():
    ids = {entry.id for entry in LISTING.entries}
    assert "claude-3-opus-20240229" not in ids
    assert LISTING.entry("claude-3.7-sonnet").display_name == "Claude Sonnet 4.6"


def test_an_alias_is_listed_as_the_model_that_serves_it():
    alias, model = LISTING.entry("gpt-4o"), LISTING.entry("claude-sonnet-5-5")
    assert (alias.id, alias.display_name) == ("gpt-4o", "Claude Sonnet 5.5")
    assert (alias.created, alias.capabilities) == (model.created, model.capabilities)


def test_a_model_of_the_operator_is_listed_by_its_own_name_and_its_first_targets_rules():
    entry = LISTING.entry("my-claude")
    assert (entry.id, entry.display_name) == ("my-claude", "my-claude")
    row = CATALOG.row("claude-opus-5-5")
    assert row is not None
    assert entry.capabilities is row.capabilities


def test_of_a_target_without_a_row_nothing_is_invented():
    entry = LISTING.entry("my-next")
    assert (entry.created, entry.line) == (None, None)


def test_the_deprecated_model_says_until_when_it_lives():
    entry = LISTING.entry("claude-sonnet-4-5")
    assert entry.lifecycle == "deprecated"
    assert str(entry.retires_at) == "2026-11-30"


def test_another_spelling_is_answered_with_the_id():
    assert LISTING.entry("anthropic/claude-opus-5.5").id == "claude-opus-5-5"


@pytest.mark.parametrize("name", ["claude-nova-8", "gpt-5", "claude-3-opus-20240229"])
def test_what_is_not_known_is_not_described(name: str):
    with pytest.raises(UnknownModel):
        LISTING.entry(name)
