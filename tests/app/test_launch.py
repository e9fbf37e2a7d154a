"""Starting the page."""

import socket

from lpsr.app.page import main


def test_a_port_that_cannot_be_served_gets_a_sentence(capsys, monkeypatch):
    monkeypatch.delenv("CCPD_ROOT", raising=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for port in ("99999", str(taken.getsockname()[1])):
            assert main(["--port", port]) == 2
            shown = capsys.readouterr().err.strip()
            assert shown.startswith("app: The page cannot be served: ") and "\n" not in shown


def test_a_wrong_folder_gets_a_sentence(capsys, tmp_path):
    assert main(["--ccpd", str(tmp_path / "none")]) == 2
    assert capsys.readouterr().err.strip() == f"app: There is no folder {tmp_path / 'none'}."
