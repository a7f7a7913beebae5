"""``shoal demo``: the whole path on real data that need no download."""

from __future__ import annotations

import time
from pathlib import Path

from shoal.cli.complaints import complaints
from shoal.cli.registry import ALGORITHMS
from shoal.cli.terminal import console, print_files, print_scores, working
from shoal.cli.work import check_writable
from shoal.datasets import load_digits, load_iris
from shoal.report import Clustering, Report


def demo(out: Path) -> None:
    """Cluster iris and digits with k-means, print their scores, leave ``demo.html`` in `out`."""
    path = out / "demo.html"
    with complaints():
        check_writable(path)
    cls = ALGORITHMS["kmeans"].load()
    results = []
    with working("Clustering iris flowers and handwritten digits"):
        for data, y_name in ((load_iris(), "species"), (load_digits(), "digit")):
            assert data.y is not None
            assert data.class_names is not None
            model = cls(n_clusters=len(data.class_names), n_init=10, random_state=0)
            start = time.perf_counter()
            model.fit(data.X)
            seconds = time.perf_counter() - start
            result = Clustering.of(
                model,
                data.X,
                y=data.y,
                y_name=y_name,
                class_names=data.class_names,
                feature_names=data.feature_names,
                image_shape=data.image_shape,
                title=data.name,
                source="the copy in scikit-learn",
                seconds={"fit": seconds},
            )
            results.append(result)
        page = Report(results, title="shoal on two small data sets", command="shoal demo")
        with complaints():
            page.write(path)
    print_scores(results)
    console().print(
        "\n[dim]ARI, NMI, AMI: agreement with the true classes, which k-means never saw; 1 is perfect.[/]\n"
    )
    print_files([("report", path)])
