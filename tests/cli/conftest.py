"""A folder with files of every kind, and a way to run the command in it."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest

from shoal.cli import main
from shoal.datasets import load_iris


@dataclass
class Outcome:
    code: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder for the test: iris as CSV and more."""
    iris = load_iris()
    frame = pl.DataFrame(iris.X, schema=iris.feature_names, orient="row")
    frame = frame.with_columns(species=pl.Series([iris.class_names[label] for label in iris.y]))
    frame.write_csv(tmp_path / "iris.csv")
    frame.write_parquet(tmp_path / "iris.parquet")
    np.savez(tmp_path / "iris.npz", X=iris.X, y=iris.y, class_names=np.array(iris.class_names))
    (tmp_path / "holes.csv").write_text("a,b,kind\n1,2,x\n3,,y\n5,6,x\n9,9,z\n")
    (tmp_path / "text.csv").write_text("a,b\nx,y\nz,w\n")
    (tmp_path / "infinite.csv").write_text("a,b\n1,2\ninf,3\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


@pytest.fixture
def shoal(folder, capfd):
    """Runs ``shoal ...`` in the folder."""

    def run(line):
        code = main(line if isinstance(line, list) else line.split())
        captured = capfd.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run
