"""The three trees of HDBSCAN as objects: arrays, tables, graphs and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EDGE = np.dtype([("u", np.int64), ("v", np.int64), ("distance", np.float64)])
CONDENSED = np.dtype(
    [("parent", np.int64), ("child", np.int64), ("lambda_val", np.float64), ("child_size", np.float64)]
)


class _Tree:
    """What the trees share: tables."""

    def to_numpy(self) -> NDArray[Any]:
        raise NotImplementedError

    def to_pandas(self) -> Any:
        """The rows of :meth:`to_numpy` as a pandas DataFrame (pandas must be installed)."""
        import pandas as pd

        return pd.DataFrame(self.to_numpy())


class MinimumSpanningTree(_Tree):
    """The spanning tree of mutual reachability.

    Parameters
    ----------
    u, v : ndarray of shape (n_edges,), int32
    distance : ndarray of shape (n_edges,)
    rows : ndarray of shape (n_used,) or None
        The rows of the data that `u` and `v` number; None when all are used.
    data : ndarray of shape (n_used, n_features) or None

    Examples
    --------
    >>> import shoal
    >>> model = shoal.HDBSCAN(2, 1).fit([[0.0], [1.0], [3.0]])
    >>> model.minimum_spanning_tree_.to_numpy()
    array([(0, 1, 1.), (1, 2, 2.)],
          dtype=[('u', '<i8'), ('v', '<i8'), ('distance', '<f8')])
    """

    def __init__(self, u: Any, v: Any, distance: Any, rows: Any, data: Any) -> None:
        self._u, self._v, self._distance, self._rows, self._data = u, v, distance, rows, data

    def to_numpy(self) -> NDArray[Any]:
        """The edges, ascending by (distance, u, v): fields ``u``, ``v`` (rows of the data) and ``distance``."""
        edges = np.empty(len(self._u), dtype=EDGE)
        rows = self._rows
        edges["u"] = self._u if rows is None else rows[self._u]
        edges["v"] = self._v if rows is None else rows[self._v]
        edges["distance"] = self._distance
        return edges

    def to_networkx(self) -> Any:
        """A networkx Graph with rows of the data as nodes and edges with ``weight`` (networkx must be installed)."""
        import networkx as nx

        graph = nx.Graph()
        graph.add_weighted_edges_from(self.to_numpy().tolist())
        return graph

    def plot(self, ax: Axes | None = None, **lines: Any) -> Axes:
        """Draw the tree over two-dimensional data; see :func:`shoal.plotting.plot_spanning_tree`."""
        from shoal.plotting import plot_spanning_tree

        if self._data is None or self._data.shape[1] != 2:
            got = "distances" if self._data is None else f"{self._data.shape[1]} features"
            raise ValueError(f"the spanning tree can be drawn over data of 2 features; got {got}")
        return plot_spanning_tree(self._data, self._u, self._v, self._distance, ax=ax, **lines)

    def __repr__(self) -> str:
        return f"<MinimumSpanningTree of {len(self._u) + 1} samples>"


class SingleLinkageTree(_Tree):
    """The hierarchy of single linkage on mutual reachability.

    Parameters
    ----------
    left, right : ndarray of shape (n_used - 1,), int32
    distance, size : ndarray of shape (n_used - 1,)
    rows : ndarray of shape (n_used,) or None
    weight : ndarray of shape (n_used,) or None, default=None

    Examples
    --------
    >>> import shoal
    >>> model = shoal.HDBSCAN(2, 1).fit([[0.0], [1.0], [3.0]])
    >>> model.single_linkage_tree_.to_numpy()
    array([[0., 1., 1., 2.],
           [3., 2., 2., 3.]])
    """

    def __init__(
        self, left: Any, right: Any, distance: Any, size: Any, rows: Any, weight: Any = None
    ) -> None:
        self._left, self._right, self._distance, self._size = left, right, distance, size
        self._rows, self._weight = rows, weight

    def to_numpy(self) -> NDArray[np.float64]:
        """SciPy's linkage matrix, (n_used - 1, 4): left, right, distance, size (the weight, where there are weights).

        Node i below n_used is the i-th row that was clustered: all but those with missing or infinite values and
        those of weight 0.
        """
        return np.column_stack([self._left, self._right, self._distance, self._size])

    def to_pandas(self) -> Any:
        """A pandas DataFrame with columns ``parent``, ``left_child``, ``right_child``, ``distance``, ``size``."""
        import pandas as pd

        n = len(self._left) + 1
        columns = {
            "parent": np.arange(n, 2 * n - 1),
            "left_child": self._left,
            "right_child": self._right,
            "distance": self._distance,
            "size": self._size,
        }
        return pd.DataFrame(columns)

    def to_networkx(self) -> Any:
        """A networkx DiGraph from parents to children, edges with ``weight`` (the distance), nodes with ``size``.

        The size of a leaf is 1, or its weight; networkx must be installed.
        """
        import networkx as nx

        n = len(self._left) + 1
        graph = nx.DiGraph()
        for leaf, size in enumerate([1] * n if self._weight is None else self._weight.tolist()):
            graph.add_node(leaf, size=size)
        for i, (left, right, distance, size) in enumerate(self.to_numpy().tolist()):
            graph.add_node(n + i, size=size)
            graph.add_edge(n + i, int(left), weight=distance)
            graph.add_edge(n + i, int(right), weight=distance)
        return graph

    def plot(self, ax: Axes | None = None, *, max_leaves: int = 60) -> Axes:
        """Draw the dendrogram; see :func:`shoal.plotting.plot_single_linkage`."""
        from shoal.plotting import plot_single_linkage

        return plot_single_linkage(self.to_numpy(), ax=ax, max_leaves=max_leaves)

    def __repr__(self) -> str:
        return f"<SingleLinkageTree of {len(self._left) + 1} samples>"


class CondensedTree(_Tree):
    """The tree of clusters: how groups of at least `min_cluster_size` split, and where samples leave them.

    Parameters
    ----------
    tree : tuple of ndarray
        Of clusters: parent, lambda at birth, size at birth; of samples: last cluster, lambda of leaving it.
    weight : ndarray of shape (n_used,) or None
    selected : ndarray of shape (n_clusters,), int32
        The number in the tree of each label.
    stability : ndarray of shape (n_tree_clusters,)
    rows : ndarray of shape (n_used,) or None
    n_samples : int

    Examples
    --------
    >>> import shoal
    >>> X = [[0.0], [1.0], [2.0], [7.0], [8.0], [9.5]]
    >>> tree = shoal.HDBSCAN(2, 1).fit(X).condensed_tree_
    >>> tree.to_numpy()[:2]
    array([(6, 7, 0.2, 3.), (6, 8, 0.2, 3.)],
          dtype=[('parent', '<i8'), ('child', '<i8'), ('lambda_val', '<f8'), ('child_size', '<f8')])
    """

    def __init__(
        self, tree: Any, weight: Any, selected: Any, stability: Any, rows: Any, n_samples: int
    ) -> None:
        self._tree, self._weight, self._selected = tree, weight, selected
        self._stability, self._rows, self._n_samples = stability, rows, n_samples

    def to_numpy(self) -> NDArray[Any]:
        """What leaves which cluster where: fields ``parent``, ``child``, ``lambda_val`` and ``child_size``.

        Cluster c is number n_samples + c, the root c = 0; smaller numbers are rows of the data. Sorted by parent,
        then lambda, then child.
        """
        parent, birth, size, cluster, lambdas = self._tree
        m, n = parent.size - 1, cluster.size
        rows = np.empty(m + n, dtype=CONDENSED)
        rows["parent"][:m], rows["parent"][m:] = parent[1:], cluster
        rows["parent"] += self._n_samples
        rows["child"][:m] = np.arange(1, m + 1) + self._n_samples
        rows["child"][m:] = np.arange(n) if self._rows is None else self._rows
        rows["lambda_val"][:m], rows["lambda_val"][m:] = birth[1:], lambdas
        rows["child_size"][:m] = size[1:]
        rows["child_size"][m:] = 1 if self._weight is None else self._weight
        return rows[np.lexsort((rows["child"], rows["lambda_val"], rows["parent"]))]

    def to_networkx(self) -> Any:
        """A networkx DiGraph from parents to children: edges with ``weight`` (lambda), nodes with ``size``."""
        import networkx as nx

        graph = nx.DiGraph()
        graph.add_node(self._n_samples, size=float(self._tree[2][0]))
        for parent, child, value, size in self.to_numpy().tolist():
            graph.add_node(child, size=size)
            graph.add_edge(parent, child, weight=value)
        return graph

    @property
    def stability(self) -> NDArray[np.float64]:
        """Of every cluster of the tree: the sum over its samples of how long (in lambda) they stay."""
        return self._stability

    @property
    def selected(self) -> NDArray[np.int64]:
        """For each label the number of its cluster, as in :meth:`to_numpy`."""
        return self._selected.astype(np.int64) + self._n_samples

    def plot(self, ax: Axes | None = None, *, max_lambda: float | None = None) -> Axes:
        """Draw the clusters as icicles; see :func:`shoal.plotting.plot_condensed_tree`."""
        from shoal.plotting import plot_condensed_tree

        return plot_condensed_tree(*self.arrays(), ax=ax, max_lambda=max_lambda)

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """What :func:`shoal.plotting.plot_condensed_tree` takes, in its order."""
        weight = np.ones(self._tree[3].size) if self._weight is None else self._weight
        return (*self._tree, weight, self._selected)

    def __repr__(self) -> str:
        return f"<CondensedTree of {self._tree[0].size} clusters>"


__all__ = ["CondensedTree", "MinimumSpanningTree", "SingleLinkageTree"]
