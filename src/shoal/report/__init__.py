"""A clustering as one HTML file that works offline: what was run, how good it is, what the clusters are.

:func:`write_report` takes a fitted estimator; :class:`Clustering` and :class:`Report` take plain arrays, from
any algorithm. Needs ``pip install 'shoal[app]'``.
"""

from shoal.report.clustering import Clustering
from shoal.report.page import Report, write_report
from shoal.report.scores import Score, Scores

__all__ = ["Clustering", "Report", "Score", "Scores", "write_report"]
