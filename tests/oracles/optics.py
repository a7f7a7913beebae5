"""OPTICS from its definition: at every step a scan of all samples."""

from __future__ import annotations

import numpy as np


def optics(distances, min_samples, max_eps=np.inf):
    """(ordering, core distances, reachability, predecessor) from all distances."""
    n = len(distances)
    core = np.sort(distances, axis=1)[:, min_samples - 1].copy()
    core[core > max_eps] = np.inf
    core = np.around(core, 15)
    reachability = np.full(n, np.inf)
    predecessor = np.full(n, -1)
    waiting = set(range(n))
    ordering = []
    while waiting:
        at = min(waiting, key=lambda i: (reachability[i], i))
        waiting.remove(at)
        ordering.append(at)
        if core[at] == np.inf:
            continue
        for other in sorted(waiting):
            if distances[at, other] <= max_eps:
                reach = np.around(max(core[at], distances[at, other]), 15)
                if reach < reachability[other]:
                    reachability[other], predecessor[other] = reach, at
    return np.array(ordering), core, reachability, predecessor
