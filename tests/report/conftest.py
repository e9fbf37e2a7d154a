"""Results made up so that what the report must say is known."""

from types import SimpleNamespace

import made_benefit
import made_results
import pytest


@pytest.fixture(scope="session")
def made():
    """The makers of ``made_results``, for tests: ``made.run(...)``, ``made.results(...)`` and so on."""
    return SimpleNamespace(
        plates=made_results.make_plates,
        scores=made_results.make_scores,
        measurement=made_results.make_measurement,
        run=made_results.make_run,
        card=made_results.make_card,
        trio=made_results.make_trio,
        results=made_results.make_results,
        passport=made_results.PASSPORT,
        benefit=made_benefit.make_benefit,
        votes=made_benefit.make_votes,
    )
