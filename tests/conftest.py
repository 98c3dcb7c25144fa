"""What every test stands on: a clean environment, one event loop, one way to look for examples."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from factories.books import FILE, new_database
from factories.servers import RunningServer, postgres
from isthmus.storage.database import Database

CREDENTIALS = ("ANTHROPIC_", "AWS_", "GOOGLE_", "OPENAI_")

# At import, so that no module a test imports sees them either.
for name in [*os.environ]:
    if name.startswith(CREDENTIALS) or name == "ISTHMUS_STATE":
        del os.environ[name]

settings.register_profile("ci", derandomize=True, deadline=None, database=None, print_blob=True)
# Few examples, for runs that are many: scripts/mutants.py.
settings.register_profile("quick", derandomize=True, deadline=None, database=None, max_examples=15)
settings.register_profile("deep", max_examples=5_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

SKIPS_FAIL = os.environ.get("ISTHMUS_TEST_REQUIRE") == "all"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run async tests on the loop the product runs on."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_server() -> Generator[RunningServer]:
    """Run one PostgreSQL server for all tests of this process that use it."""
    with postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """Return an empty database, once of each kind."""
    if request.param == "sqlite":
        return Database(tmp_path / FILE)
    return new_database(request.getfixturevalue("postgres_server").url)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run one process more than there are cores: now and then one of them waits."""
    return len(os.sched_getaffinity(0)) + 1 if hasattr(os, "sched_getaffinity") else 2


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a skipped test where everything that tests can need has to be there."""
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Fail a skipped module likewise."""
    report = yield
    _refuse_skip(report)
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if SKIPS_FAIL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but ISTHMUS_TEST_REQUIRE=all: {report.longrepr}"
