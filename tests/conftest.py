"""What several test files share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def ccpd_root() -> Path:
    """The folder of real CCPD crops: $CCPD_ROOT, or ../shared/ccpd beside the checkout; skips where there is none."""
    default = Path(__file__).resolve().parents[2] / "shared" / "ccpd"
    root = Path(os.environ.get("CCPD_ROOT") or default)
    if not (root / "index.csv").is_file():
        pytest.skip(f"real CCPD plates are not at {root}; set CCPD_ROOT to run this test")
    return root
