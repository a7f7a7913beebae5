// The one door between Python and the kernels.
//
// A bound function is door, call, convert: enter() releases the GIL, gives the kernel a Run that looks for Ctrl-C
// and reports progress, and lets exceptions out as Python's. No algorithm and no check of user input lives here.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/points.hpp"
#include "parallel/run.hpp"
#include "parallel/threads.hpp"

namespace shoal::bindings {

namespace nb = nanobind;
using namespace nb::literals;

template <class T>
using Matrix = nb::ndarray<const T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <class T>
using Vector = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using OptionalVector = std::optional<Vector<T>>;
template <class T>
using OutMatrix = nb::ndarray<T, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <class T>
using OutVector = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

/// (stage, done, total) -> None, or None.
using Progress = std::optional<nb::callable>;

template <class T>
Points<const T> points(const Matrix<T>& x) {
  return {x.data(), static_cast<Index>(x.shape(0)), static_cast<Index>(x.shape(1))};
}
template <class T>
Weights<T> weights(const OptionalVector<T>& w) {
  return {w ? w->data() : nullptr};
}
template <class T>
std::span<const T> view(const Vector<T>& x) {
  return {x.data(), x.shape(0)};
}
template <class T>
std::span<T> view(const OutVector<T>& x) {
  return {x.data(), x.shape(0)};
}

/// A NumPy array that takes the vector over, without a copy.
template <class T>
nb::object array(std::vector<T>&& values, std::initializer_list<std::size_t> shape) {
  auto owner = std::make_unique<std::vector<T>>(std::move(values));
  T* data = owner->data();
  nb::capsule capsule(owner.get(), [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  owner.release();
  return nb::cast(nb::ndarray<nb::numpy, T>(data, shape.size(), shape.begin(), capsule));
}
template <class T>
nb::object array(std::vector<T>&& values) {
  const std::size_t n = values.size();
  return array(std::move(values), {n});
}

/// Runs body(Run&) without the GIL; Ctrl-C becomes KeyboardInterrupt, a failing progress callback its own error.
template <class Body>
auto enter(const Progress& progress, Body&& body) {
  auto poll = [] {
    nb::gil_scoped_acquire gil;
    return PyErr_CheckSignals() == 0;
  };
  Run::Report report;
  if (progress)
    report = [&progress](std::string_view stage, double done, double total) {
      nb::gil_scoped_acquire gil;
      (*progress)(stage, done, total);
    };
  Run run(poll, report);
  const parallel::Team team;
  try {
    nb::gil_scoped_release release;
    return body(run);
  } catch (const Interrupted&) {
    throw nb::python_error();  // set by PyErr_CheckSignals
  }
}
template <class Body>
auto enter(Body&& body) {
  return enter(Progress{}, std::forward<Body>(body));
}

}  // namespace shoal::bindings
