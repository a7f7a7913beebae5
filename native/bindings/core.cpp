// The module: build facts, threads, instruction sets; then one function per room.
#include "base/extremes.hpp"
#include "bindings/door.hpp"
#include "bindings/rooms.hpp"
#include "parallel/parallel_for.hpp"
#include "parallel/threads.hpp"
#include "simd/level.hpp"

namespace shoal::bindings {
namespace {

template <class T>
void bind_extremes(nb::module_& m) {
  m.def(
      "extremes",
      [](const Vector<T>& values) {
        const auto found = enter([&](Run& run) { return base::extremes(view(values), run); });
        return std::pair(static_cast<double>(found.low), static_cast<double>(found.high));
      },
      "values"_a.noconvert(), "(least, largest) value; both NaN where a value is, inf and -inf of none.");
}

}  // namespace
}  // namespace shoal::bindings

NB_MODULE(_core, m) {
  using namespace shoal;
  using namespace shoal::bindings;
  m.doc() = "Kernels of shoal. Arguments are checked by the Python floor; see shoal.* for what users call.";

  m.attr("build_type") = SHOAL_BUILD_TYPE;
#if defined(__clang__)
  m.attr("compiler") = "clang " __clang_version__;
#else
  m.attr("compiler") = "gcc " __VERSION__;
#endif
  m.def("has_openmp", &parallel::has_openmp);
  m.def("n_threads", &parallel::n_threads, "Threads a kernel started from this thread would use.");
  m.def("thread_limit", &parallel::thread_limit);
  m.def("set_thread_limit", &parallel::set_thread_limit, "n"_a,
        "Limit kernels started from this thread (0: no limit of our own); returns the previous limit.");
  m.def("set_processor_cap", &parallel::set_processor_cap, "n"_a);
  m.def("force_block_length", &parallel::force_block_length, "length"_a,
        "For tests: cut all loops into blocks of this length (0: as the kernel sees fit).");

  m.def("isa", [] { return std::string(simd::name(simd::level())); }, "Instruction-set level in use.");
  m.def("isa_available", [] {
    std::vector<std::string> names;
    for (simd::Level level : simd::available()) names.emplace_back(simd::name(level));
    return names;
  });
  m.def("set_isa", [](std::string_view name) { simd::set_level(simd::level_from_name(name)); }, "name"_a);

  bind_extremes<float>(m);
  bind_extremes<double>(m);

  bind_birch(m);
  bind_centroid(m);
  bind_dbscan(m);
  bind_distance(m);
  bind_exemplar(m);
  bind_optics(m);
  bind_hdbscan(m);
  bind_hierarchy(m);
  bind_metrics(m);
  bind_mixture(m);
  bind_neighbors(m);
  bind_local_gaussian(m);
}
