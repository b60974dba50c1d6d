"""The command line says, as the app does, what the bundled encoder knows."""

import pytest

from lsr.cli.main import main
from tests.imports.conftest import photo

WARNING = "The bundled encoder has only seen drawn scenes: on a photo its terms are guesses."


def test_a_picture_that_the_bundled_encoder_is_to_see_comes_with_a_warning(tmp_path, home, capsys):
    path = tmp_path / "photos" / "a.jpg"
    path.parent.mkdir()
    path.write_bytes(photo(1))
    for arguments in (
        ["import", str(path.parent), "--name", "mine", "--dry-run"],
        ["search", "--image", str(path), "--k", "1"],
        ["inspect", str(path)],
    ):
        assert main([*arguments, "--json"]) == 0
        assert WARNING in capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("arguments", [["search", "a dog"], ["inspect", "test-00003"]])
def test_nothing_is_said_where_no_picture_is_shown_to_it(arguments, home, capsys):
    assert main(arguments) == 0
    assert "drawn scenes" not in capsys.readouterr().err
