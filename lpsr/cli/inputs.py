"""Which pictures the paths on a command line mean."""

from collections.abc import Iterable
from pathlib import Path

from lpsr.errors import InputError
from lpsr.images import SUFFIXES


def pictures(paths: Iterable[str | Path]) -> list[Path]:
    """The picture files that ``paths`` name, in the order given, each once.

    A folder stands for the pictures directly inside it and in its subfolders, sorted, hidden ones left out; a file is
    taken as it is, whatever its suffix, since only opening it tells.

    Raises InputError where a path does not exist, a folder holds no picture, or nothing is given.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            inside = [
                file
                for file in sorted(path.rglob("*"))
                if file.suffix.lower() in SUFFIXES
                and file.is_file()
                and not any(part.startswith(".") for part in file.relative_to(path).parts)
            ]
            if not inside:
                raise InputError(f"The folder {path} holds no pictures ({', '.join(sorted(SUFFIXES))}).")
            found.update(dict.fromkeys(inside))
        elif path.exists():
            found[path] = None
        else:
            raise InputError(f"There is no file or folder {path}.")
    if not found:
        raise InputError("No pictures were given; name files or folders.")
    return list(found)
