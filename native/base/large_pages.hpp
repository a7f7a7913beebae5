// Memory in pages of megabytes: fewer faults when it is first touched, fewer addresses to look up.
#pragma once
#include <cstddef>

namespace shoal::base {

/// Asks the system for large pages in [data, data + bytes), before anything is written there. Nothing else changes
/// where it has none, nor where the range is short.
void on_large_pages(void* data, std::size_t bytes);

}  // namespace shoal::base
