"""Photos that several files of tests look at."""

import pytest

from lpsr.data.generator import Range, generate_photo


@pytest.fixture(scope="session")
def photo():
    """``photo(index, **options)``: a small generated photo; its plates are a fifth to two fifths of it wide."""

    def make(index, **options):
        options = {"size": (480, 640), "width": Range(0.22, 0.4), **options}
        return generate_photo(11, index, **options)

    return make
