// One function per room; each adds the room's kernels to the module.
#pragma once
#include "bindings/door.hpp"

namespace shoal::bindings {

void bind_birch(nb::module_& m);
void bind_centroid(nb::module_& m);
void bind_dbscan(nb::module_& m);
void bind_distance(nb::module_& m);
void bind_exemplar(nb::module_& m);
void bind_optics(nb::module_& m);
void bind_hdbscan(nb::module_& m);
void bind_local_gaussian(nb::module_& m);
void bind_hierarchy(nb::module_& m);
void bind_metrics(nb::module_& m);
void bind_mixture(nb::module_& m);
void bind_neighbors(nb::module_& m);

}  // namespace shoal::bindings
