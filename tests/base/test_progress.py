"""Progress: one mechanism, a bar where tqdm is, lines where it is not, silence by default."""

import re
import sys

import pytest

import shoal
from shoal.base import progress as progress_module
from shoal.base.progress import progress


@pytest.fixture
def clock(monkeypatch):
    """Time that passes only when told to, for both kinds of progress."""
    tqdm = pytest.importorskip("tqdm.std")

    class Clock:
        now = 1000.0

    monkeypatch.setattr(tqdm, "time", lambda: Clock.now)
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: Clock.now)
    monkeypatch.setattr(progress_module.time, "time", lambda: Clock.now)
    return Clock


@pytest.fixture
def no_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)


@pytest.mark.parametrize("verbose", [0, False])
def test_without_verbose_kernels_have_nobody_to_tell(verbose, capsys):
    with progress(verbose, "KMeans") as report:
        assert report is None
    assert capsys.readouterr() == ("", "")


def test_the_bar_tells_stage_rate_and_time_left(capsys, clock):
    with progress(1, "KMeans", "iterations") as report:
        clock.now += 2
        report("lloyd", 10, 40)
        clock.now += 2
        report("lloyd", 20, 40)
        clock.now += 4
        report("lloyd", 40, 40)
    out, err = capsys.readouterr()
    assert out == ""
    lines = re.split(r"[\r\n]+", err.strip())
    assert any(
        re.match(r"KMeans: lloyd:\s+50%\|.*\| 20/40 \[00:04<00:04,\s+5\.00iterations/s\]", line)
        for line in lines
    ), lines
    assert re.match(r"KMeans: lloyd: 100%\|.*\| 40/40 \[00:08<00:00,\s+5\.00iterations/s\]", lines[-1])


def test_a_new_stage_has_its_own_bar(capsys):
    pytest.importorskip("tqdm")
    with progress(True, "KMeans") as report:
        report("seeding", 3, 3)
        report("lloyd", 5, 5)
    err = capsys.readouterr().err
    assert "KMeans: seeding: 100%" in err
    assert "KMeans: lloyd: 100%" in err
    assert err.endswith("\n")


def test_without_tqdm_a_stage_is_told_in_lines(capsys, clock, no_tqdm):
    with progress(1, "KMeans", "iterations") as report:
        clock.now += 0.5
        report("seeding", 4, 4)
        for i in range(1, 11):
            clock.now += 1
            report("lloyd", i, 10)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "KMeans: seeding 4/4 iterations, 8.0 iterations/s, 0.5 s",
        "KMeans: lloyd 2/10 iterations, 1.0 iterations/s, 8 s left",
        "KMeans: lloyd 4/10 iterations, 1.0 iterations/s, 6 s left",
        "KMeans: lloyd 6/10 iterations, 1.0 iterations/s, 4 s left",
        "KMeans: lloyd 8/10 iterations, 1.0 iterations/s, 2 s left",
        "KMeans: lloyd 10/10 iterations, 1.0 iterations/s, 10.0 s",
    ]


def test_without_tqdm_a_quick_stage_is_one_line_and_no_division_by_zero(capsys, clock, no_tqdm):
    with progress(1, "KMeans") as report:
        report("lloyd", 1, 3)
        report("lloyd", 3, 3)
    assert capsys.readouterr().err == "KMeans: lloyd 3/3 it, inf it/s, 0.0 s\n"


def test_a_stage_that_begins_again_has_a_rate_of_its_own(capsys, clock, no_tqdm):
    with progress(1, "KMeans") as report:
        clock.now += 1
        report("lloyd", 5, 5)
        report("lloyd", 1, 5)
        clock.now += 1
        report("lloyd", 5, 5)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["KMeans: lloyd 5/5 it, 5.0 it/s, 1.0 s"] * 2


@pytest.mark.parametrize("tqdm", [True, False])
@pytest.mark.parametrize(
    ("model", "stage"),
    [
        (shoal.KMeans(3, n_init=3, random_state=0, verbose=1), "Lloyd"),
        (shoal.MiniBatchKMeans(3, random_state=0, batch_size=64, verbose=1), "mini-batches"),
    ],
)
def test_a_fit_that_ends_early_ends_its_bar_at_the_step_it_reached(
    rng, capsys, monkeypatch, tqdm, model, stage
):
    if not tqdm:
        monkeypatch.setitem(sys.modules, "tqdm", None)
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    X = rng.normal(size=(600, 3)) + 6 * rng.integers(0, 3, 600)[:, None]
    model.fit(X)
    pattern = rf"{stage}:? .*?(\d+)(?:\.0)?/(\d+)(?:\.0)?\b"
    ends = [(int(done), int(total)) for done, total in re.findall(pattern, capsys.readouterr().err)]
    steps = getattr(model, "n_steps_", None) or model.n_iter_
    assert (steps, steps) in ends
    assert all(done < 300 for done, _ in ends)


def test_an_error_closes_the_bar_and_passes_on(capsys):
    pytest.importorskip("tqdm")

    def interrupted():
        with progress(1, "KMeans") as report:
            report("lloyd", 1, 10)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert capsys.readouterr().err.endswith("\n")
