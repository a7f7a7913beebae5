"""Files that are complete or absent."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A path beside `path` to write to; it takes its place when the block ends without an error.

    A link stays a link: the file it leads to is replaced. What is no file, such as ``/dev/null`` or a pipe, is not
    replaced but written to.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file() and not target.is_dir():
        with tempfile.TemporaryDirectory() as folder:
            whole = Path(folder) / target.name
            yield whole
            with open(whole, "rb") as source, open(target, "wb") as sink:
                shutil.copyfileobj(source, sink)
        return
    beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield beside
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
