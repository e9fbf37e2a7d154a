"""What the tests of training share."""

import pytest
import torch


@pytest.fixture
def one_thread():
    """Sums in one order, so that runs can be compared to the bit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
