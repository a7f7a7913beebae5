"""The minimum spanning tree of all pairs, ordered by (weight, smaller row, larger row), by SciPy on their ranks."""

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree


def mutual_reachability(distances, core, alpha=1.0):
    """max(core_i, core_j, d(i, j) / alpha), in the dtype of the distances."""
    core = np.asarray(core, dtype=distances.dtype)
    return np.maximum(np.maximum(core[:, None], core[None, :]), distances / distances.dtype.type(alpha))


def spanning_tree(weights):
    """(u, v, weight) with u < v, ascending. No two ranks are equal, so there is one tree."""
    n = len(weights)
    u, v = np.triu_indices(n, 1)
    order = np.lexsort((v, u, weights[u, v]))
    ranks = coo_array((np.arange(1.0, len(order) + 1), (u[order], v[order])), shape=(n, n))
    taken = order[np.sort(minimum_spanning_tree(ranks.tocsr()).data).astype(int) - 1]
    return u[taken], v[taken], weights[u[taken], v[taken]]
