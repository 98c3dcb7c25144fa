"""What is out of service after which failures, for how long, and how it comes back."""

from collections import deque

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec import Struct, structs

from factories.routes import Clock, Recorder, credential, judged, refusal, route, unreachable
from isthmus.errors import UpstreamBroken
from isthmus.routing.catalog import Catalog
from isthmus.routing.described import Descriptions
from isthmus.routing.health import Health, Trial
from isthmus.routing.plan import Credential, Planner, Route
from isthmus.routing.suspension import Suspension
from isthmus.routing.verdict import Verdict

A1 = route(1, url="https://a")
A2 = route(2, url="https://a")
B1 = route(1, url="https://b")
OTHER_MODEL = route(1, url="https://a", model="claude-haiku-4-5")

UNREACHABLE = judged(unreachable(), "nothing")
BROKEN = judged(UpstreamBroken("Cut off."))
LIMITED = judged(refusal(429))
REFUSED = judged(refusal(401))
UNPAID = judged(refusal(402))
FORBIDDEN = judged(refusal(403))
OVERLOADED = judged(refusal(529))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def health(clock: Clock, recorder: Recorder) -> Health:
    return Health(clock, recorder)


def answers(health: Health, route, seconds: float = 0.0) -> None:
    """Ask a route and get a good answer."""
    trial = health.trial(route)
    health.clock.now += seconds
    trial.answered()
    trial.close()


def fails(health: Health, route, verdict: Verdict) -> None:
    """Ask a route in vain."""
    health.trial(route).close()
    health.failed(route, verdict)


def seconds_out(health: Health, route) -> float:
    return health.until(route) - health.clock()


# Base URLs --------------------------------------------------------------------------------------


def test_what_nothing_is_known_of_is_in_service(health, recorder):
    assert health.standing(A1) == "in service"
    assert health.until(A1) == 0.0
    assert recorder.incidents == []


def test_a_base_url_that_cannot_be_reached_is_out_at_once_for_every_credential(health, recorder):
    fails(health, A1, UNREACHABLE)
    assert [health.standing(r) for r in (A1, A2, OTHER_MODEL, B1)] == ["out"] * 3 + ["in service"]
    assert recorder.told == [("ejected", "unreachable")]
    assert recorder.incidents[0].seconds == seconds_out(health, A1) == 5.0


@pytest.mark.parametrize("verdict", [BROKEN, judged(refusal(500)), judged(refusal(408))])
def test_a_base_url_that_fails_is_out_after_five_failures_in_a_row(health, recorder, verdict):
    for route_ in (A1, A2, A1, A2):
        fails(health, route_, verdict)
        assert health.standing(A1) == "in service"
    fails(health, A1, verdict)
    assert health.standing(A2) == "out"
    assert recorder.told == [("ejected", "failing")]


def test_an_answer_breaks_the_row_of_failures(health):
    for _ in range(3):
        for _ in range(4):
            fails(health, A1, BROKEN)
        answers(health, A2)
    assert health.standing(A1) == "in service"


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_what_the_caller_got_wrong_says_nothing_about_health(health, recorder, status):
    for _ in range(10):
        fails(health, A1, judged(refusal(status)))
    assert health.standing(A1) == "in service"
    assert recorder.incidents == []


def test_an_overload_takes_nothing_out(health):
    for _ in range(10):
        fails(health, A1, OVERLOADED)
    assert health.standing(A1) == "in service"


# Trials -----------------------------------------------------------------------------------------


def test_the_time_out_doubles_with_each_failed_trial_up_to_five_minutes(health, clock):
    lengths = []
    for _ in range(9):
        fails(health, A1, UNREACHABLE)
        lengths.append(seconds_out(health, A1))
        clock.now += lengths[-1]
    assert lengths == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_one_failure_is_enough_for_what_is_on_trial(health, clock):
    fails(health, A1, UNREACHABLE)
    clock.now += 5
    fails(health, A1, BROKEN)
    assert seconds_out(health, A1) == 10.0


def test_only_one_call_tries_what_is_due(health, clock):
    fails(health, A1, UNREACHABLE)
    clock.now += 5
    assert health.standing(A1) == health.standing(A2) == "due"
    health.trial(A1)
    assert health.standing(A1) == health.standing(A2) == "out"


def test_a_good_answer_on_trial_puts_it_back_at_once(health, clock, recorder):
    fails(health, A1, UNREACHABLE)
    clock.now += 5
    trial = health.trial(A1)
    trial.answered()
    assert health.standing(A1) == "in service"
    assert recorder.told[-1] == ("recovered", "ejected")
    fails(health, A1, UNREACHABLE)
    assert seconds_out(health, A1) == 5.0


def test_a_cancelled_trial_gives_the_trial_back(health, clock, recorder):
    fails(health, A1, UNREACHABLE)
    clock.now += 5
    health.trial(A1).close()
    assert health.standing(A1) == "due"
    assert recorder.told == [("ejected", "unreachable")]


def test_calls_that_fail_together_count_once(health, clock, recorder):
    trials = [health.trial(A1) for _ in range(20)]
    for trial in trials:
        clock.now += 0.01
        trial.close()
        health.failed(A1, UNREACHABLE)
    assert seconds_out(health, A1) == pytest.approx(5.0, abs=0.2)
    assert recorder.told == [("ejected", "unreachable")]


def test_a_late_failure_of_an_older_call_does_not_end_the_trial(health, clock):
    older = health.trial(A1)
    fails(health, A1, UNREACHABLE)
    clock.now += 5
    trial = health.trial(A1)
    older.close()
    health.failed(A1, UNREACHABLE)
    assert health.standing(A1) == "out"
    trial.answered()
    assert health.standing(A1) == "in service"


@pytest.mark.parametrize("verdict", [UNREACHABLE, LIMITED, REFUSED, UNPAID, FORBIDDEN])
def test_a_late_answer_to_an_older_call_does_not_end_the_time_out(health, clock, verdict):
    older = health.trial(A1)
    clock.now += 1
    fails(health, A1, verdict)
    before = health.standing(A1)
    clock.now += 1
    older.answered()
    assert health.standing(A1) == before != "in service"


def test_asking_the_last_one_standing_may_prove_it_well_before_its_time(health, clock):
    fails(health, A1, UNREACHABLE)
    clock.now += 1
    answers(health, A1)
    assert health.standing(A1) == "in service"


def test_an_answer_is_counted_once_however_often_it_is_told(health):
    fails(health, A1, OVERLOADED)
    trials = [health.trial(A1), health.trial(A1)]
    for _ in range(5):
        trials[0].answered()
    # One answer makes the narrowest window wide enough for two calls, three do away with it.
    assert health.standing(A1) == "crowded"


# Credentials ------------------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", [LIMITED, FORBIDDEN])
def test_a_limit_belongs_to_one_credential_and_one_model(health, verdict):
    fails(health, A1, verdict)
    assert health.standing(A1) == health.standing(B1) == "out"
    assert health.standing(A2) == "in service"
    assert health.standing(OTHER_MODEL) != "out"


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (None, 5.0),
        (0.0, 1.0),
        (0.001, 1.0),
        (1.5, 1.5),
        (60.0, 60.0),
        (86_400.0, 60.0),
        (1e9, 60.0),
    ],
)
def test_what_an_upstream_says_of_its_limit_is_believed_within_bounds(health, told, seconds):
    fails(health, A1, judged(refusal(429, pause=told)))
    assert seconds_out(health, A1) == seconds


def test_without_a_word_a_limit_lasts_twice_as_long_each_time_up_to_a_minute(health, clock):
    lengths = []
    for _ in range(6):
        fails(health, A1, LIMITED)
        lengths.append(seconds_out(health, A1))
        clock.now += lengths[-1]
    assert lengths == [5, 10, 20, 40, 60, 60]


def test_a_refused_credential_is_barred_everywhere_and_for_every_model(health, recorder, clock):
    fails(health, A1, REFUSED)
    assert [health.standing(r) for r in (A1, B1, OTHER_MODEL)] == ["barred"] * 3
    assert health.standing(A2) == "in service"
    assert recorder.told == [("quarantined", "refused")]
    clock.now += 5
    assert health.standing(B1) == "due"


def test_quarantine_grows_to_five_minutes_and_parking_to_ten(health, clock):
    lengths = {}
    for route_, verdict in ((A1, REFUSED), (A2, UNPAID)):
        for _ in range(10):
            fails(health, route_, verdict)
            lengths[verdict.blame] = [*lengths.get(verdict.blame, []), seconds_out(health, route_)]
            clock.now = health.until(route_)
    assert lengths["refused"] == [5, 10, 20, 40, 80, 160, 300, 300, 300, 300]
    assert lengths["unpaid"] == [30, 60, 120, 240, 480, 600, 600, 600, 600, 600]


def test_a_parked_credential_comes_back_when_a_trial_succeeds(health, clock, recorder):
    fails(health, A1, UNPAID)
    assert health.standing(A1) == "barred"
    clock.now += 30
    answers(health, B1)
    assert health.standing(A1) == "in service"
    assert recorder.told == [("parked", "unpaid"), ("recovered", "parked")]


def test_a_route_stands_as_its_worst_part_does(health, clock):
    fails(health, A1, LIMITED)
    fails(health, A1, UNREACHABLE)
    clock.now += 2
    fails(health, A1, REFUSED)
    clock.now += 3
    assert health.standing(A1) == "barred"
    assert health.until(A1) == clock() + 2
    clock.now += 2
    assert health.standing(A1) == "due"


def test_callers_cannot_fill_the_memory_with_names_of_models(health):
    for number in range(1000):
        fails(health, structs.replace(A1, model=f"claude-{number}"), FORBIDDEN)
    assert health.standing(structs.replace(A1, model="claude-0")) == "in service"
    assert health.standing(structs.replace(A1, model="claude-999")) == "out"
    assert suspended(health) == health._out == 256


def test_an_incident_names_the_place_and_never_the_secret(health, recorder):
    fails(health, A2, LIMITED)
    (incident,) = recorder.incidents
    assert (incident.upstream, incident.credential, incident.base_url, incident.model) == (
        ("main", "2", "", "claude-opus-5")
    )
    assert A2.credential.id not in str(incident)


# Crowds and waits -------------------------------------------------------------------------------


@pytest.mark.parametrize("verdict", [OVERLOADED, judged(refusal(429, pause=1.0))])
def test_an_overloaded_credential_takes_half_of_what_it_had(health, clock, verdict):
    running = [health.trial(A1) for _ in range(9)]
    running.pop().close()
    health.failed(A1, verdict)
    clock.now += 1
    assert health.standing(A1) in ("crowded", "due")
    for trial in running[:5]:
        trial.close()
    assert health.standing(A1) != "crowded"
    assert health.standing(A2) == "in service"


def test_the_usual_wait_is_the_median_of_the_waits_for_content(health):
    waits = deque([0.5] * 6 + [1.0] + [20.0] * 4)
    for _ in range(1000):
        answers(health, A1, waits[0])
        waits.rotate(3)
    assert 0.4 < health.usual_wait(A1) < 1.6
    assert health.usual_wait(B1) == 0.0


# A change of the configuration ------------------------------------------------------------------


class Upstream(Struct, frozen=True):
    kind: str
    base_urls: tuple[str, ...]
    credentials: tuple[Credential, ...]
    api_version: str | None = None


def planned(*secrets: str, url: str = "https://a") -> tuple[Route, ...]:
    keys = tuple(credential(number, secret=secret) for number, secret in enumerate(secrets, 1))
    upstream = Upstream("anthropic", (url,), keys)
    return (
        Planner(Descriptions(Catalog.load()), {"main": upstream}, {}).plan("claude-opus-5").routes
    )


def test_what_is_known_outlives_a_new_plan_of_the_same_places(health):
    fails(health, planned("x")[0], REFUSED)
    fails(health, planned("x")[0], UNREACHABLE)
    assert health.standing(planned("x")[0]) == "barred"
    assert [health.standing(r) for r in planned("y", "x")] == ["out", "barred"]


def test_a_new_secret_and_a_new_url_start_clean(health):
    fails(health, planned("x")[0], REFUSED)
    assert health.standing(planned("y")[0]) == "in service"
    fails(health, planned("y")[0], UNREACHABLE)
    assert health.standing(planned("y", url="https://b")[0]) == "in service"


def test_budgets_belong_to_upstreams(health):
    health.budget("main").retries += 3
    assert not health.budget("main").allows
    assert health.budget("other").allows


# In any order -----------------------------------------------------------------------------------

ROUTES = [A1, A2, B1, OTHER_MODEL, route(1, upstream="other", url="https://a")]
VERDICTS = [
    UNREACHABLE,
    BROKEN,
    LIMITED,
    REFUSED,
    UNPAID,
    FORBIDDEN,
    OVERLOADED,
    Verdict("nowhere"),
]


def parts(health: Health) -> list[Suspension]:
    places = [place.ejection for place in health._places.values()]
    accounts = health._accounts.values()
    barring = [part for account in accounts for part in (account.refusal, account.unpaid)]
    return [*places, *barring, *(part for a in accounts for part in a.limits.values())]


def suspended(health: Health) -> int:
    return sum(part.times > 0 for part in parts(health))


class Healths(RuleBasedStateMachine):
    """Calls that begin, are answered, fail or are cancelled while time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.recorder = Clock(), Recorder()
        self.health = Health(self.clock, self.recorder)
        self.running: list[tuple[Route, Trial]] = []

    @rule(seconds=st.floats(0.0, 60.0))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(where=st.sampled_from(ROUTES))
    def begins(self, where: Route) -> None:
        was_due = self.health.standing(where) == "due"
        self.running.append((where, self.health.trial(where)))
        assert not was_due or self.health.standing(where) in ("out", "barred")

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def is_answered(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.running))[1].answered()

    @precondition(lambda self: self.running)
    @rule(data=st.data(), verdict=st.none() | st.sampled_from(VERDICTS))
    def ends(self, data: st.DataObject, verdict: Verdict | None) -> None:
        number = data.draw(st.integers(0, len(self.running) - 1))
        where, trial = self.running.pop(number)
        trial.close()
        if verdict is not None:
            self.health.failed(where, verdict)

    @invariant()
    def counts_what_is_out(self) -> None:
        assert self.health._out == suspended(self.health)

    @invariant()
    def counts_what_is_under_way(self) -> None:
        for number, account in self.health._accounts.items():
            running = [w for w, _ in self.running if (w.upstream, w.credential.id) == number]
            assert account.window.under_way == len(running)

    @invariant()
    def tells_of_every_time_out_and_of_its_end(self) -> None:
        told = [kind for kind, _ in self.recorder.told]
        for kind in ("ejected", "quarantined", "parked", "cooldown"):
            assert self.recorder.told.count(("recovered", kind)) <= told.count(kind)
        assert self.health._out <= len(told) - 2 * told.count("recovered")

    @invariant()
    def nothing_is_out_for_ever(self) -> None:
        assert all(part.until <= self.clock() + 600 for part in parts(self.health))

    def teardown(self) -> None:
        for _, trial in self.running:
            trial.close()
        self.clock.now += 601
        assert not {self.health.standing(where) for where in ROUTES} & {"out", "barred"}


TestHealths = Healths.TestCase
TestHealths.settings = settings(max_examples=100, stateful_step_count=40)
