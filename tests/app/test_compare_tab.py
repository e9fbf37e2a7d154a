"""The Compare tab's handlers, without a browser."""

import numpy as np
import pytest

from lpsr.app.compare_tab import take_picture
from lpsr.app.gallery import shelves
from lpsr.app.page import build
from lpsr.data.generator import generate
from lpsr.errors import InputError
from lpsr.images import encode_png


def test_equal_uploads_are_one_file_that_both_visitors_can_read(tmp_path):
    path = tmp_path / "upload.png"
    path.write_bytes(encode_png(generate(1, 4).picture))
    np.testing.assert_array_equal(take_picture(str(path)), take_picture(str(path)))
    with pytest.raises(InputError, match="did not arrive"):
        take_picture(str(tmp_path / "gone.png"))


def test_a_failed_warm_up_is_one_line(monkeypatch, caplog):
    monkeypatch.delenv("CCPD_ROOT", raising=False)
    monkeypatch.setattr("lpsr.app.session.first", lambda _: 1 / 0)
    build(shelves())[1].warm_up()
    assert caplog.text.count("\n") == 1 and "division by zero" in caplog.text
