"""Scores of a clustering: external ones compare two labelings, internal ones look at the data.

Names, signatures and values are those of ``sklearn.metrics``; more keywords are ``sample_weight`` and
``noise``.
"""

from shoal.metrics.contingency import contingency_matrix
from shoal.metrics.density import dbcv_clusters, dbcv_score
from shoal.metrics.information import (
    adjusted_mutual_info_score,
    completeness_score,
    entropy,
    expected_mutual_information,
    homogeneity_completeness_v_measure,
    homogeneity_score,
    mutual_info_score,
    normalized_mutual_info_score,
    v_measure_score,
)
from shoal.metrics.internal import (
    calinski_harabasz_score,
    davies_bouldin_score,
    silhouette_samples,
    silhouette_score,
    simplified_silhouette_samples,
    simplified_silhouette_score,
)
from shoal.metrics.pairs import (
    adjusted_rand_score,
    fowlkes_mallows_score,
    pair_confusion_matrix,
    rand_score,
)

__all__ = [
    "adjusted_mutual_info_score",
    "adjusted_rand_score",
    "calinski_harabasz_score",
    "completeness_score",
    "contingency_matrix",
    "davies_bouldin_score",
    "dbcv_clusters",
    "dbcv_score",
    "entropy",
    "expected_mutual_information",
    "fowlkes_mallows_score",
    "homogeneity_completeness_v_measure",
    "homogeneity_score",
    "mutual_info_score",
    "normalized_mutual_info_score",
    "pair_confusion_matrix",
    "rand_score",
    "silhouette_samples",
    "silhouette_score",
    "simplified_silhouette_samples",
    "simplified_silhouette_score",
    "v_measure_score",
]
