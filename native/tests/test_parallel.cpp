#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "parallel/parallel_for.hpp"
#include "random/philox.hpp"
#include "tests/check.hpp"
#include "tests/settings.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/wait.h>
#include <unistd.h>
#endif

using namespace shoal;
using namespace shoal::parallel;
using namespace std::chrono_literals;
using shoal::tests::BlockLength;
using shoal::tests::ThreadLimit;

namespace {

/// Work that always goes parallel when there are threads.
constexpr double much_work = std::numeric_limits<double>::infinity();

/// Numbers of very different sizes: any other order of addition gives other bits.
std::vector<double> awkward(std::ptrdiff_t n) {
  random::Stream stream(11, 0);
  std::vector<double> values;
  for (std::ptrdiff_t i = 0; i < n; ++i) values.push_back(std::ldexp(stream.normal(), static_cast<int>(i % 60)));
  return values;
}

double total(const std::vector<double>& values, const Blocks& blocks) {
  Run run;
  return sum_blocks<double>(blocks, run, much_work, [&](std::ptrdiff_t b, int) {
    double sum = 0;
    for (std::ptrdiff_t i = blocks.begin(b); i < blocks.end(b); ++i) sum += values[static_cast<std::size_t>(i)];
    return sum;
  });
}

std::uint64_t bits(double value) {
  std::uint64_t word;
  std::memcpy(&word, &value, sizeof word);
  return word;
}

}  // namespace

TEST("blocks cover [0, n) once, in order, whatever n and the length") {
  for (const std::ptrdiff_t n : {0, 1, 3, 4, 5, 64, 1000})
    for (const std::ptrdiff_t length : {1, 4, 7, 1000, 5000}) {
      const Blocks blocks{n, length};
      std::ptrdiff_t next = 0;
      for (std::ptrdiff_t b = 0; b < blocks.count(); ++b) {
        CHECK_EQUAL(blocks.begin(b), next);
        CHECK(blocks.end(b) > next && blocks.end(b) - next <= length);
        next = blocks.end(b);
      }
      CHECK_EQUAL(next, n);
    }
}

TEST("blocks_of aims at bytes: a multiple of 64 items, at least 64 and at most about 4096") {
  CHECK_EQUAL(blocks_of(1 << 20, 8).length % 64, 0);
  CHECK_EQUAL(blocks_of(1 << 20, 1 << 30).length, 64);
  CHECK(blocks_of(1 << 20, 1).length <= 4096 + 64);
  CHECK_EQUAL(blocks_of(1 << 20, 0).length, blocks_of(1 << 20, 1).length);
  CHECK_EQUAL(blocks_of(10, 8).count(), 1);
}

TEST("blocks_at_most keeps to both of its bounds") {
  for (const std::ptrdiff_t n : {0, 1, 255, 256, 257, 100000}) {
    const Blocks blocks = blocks_at_most(n, 64, 256);
    CHECK(blocks.count() <= 64);
    CHECK(blocks.length >= 256);
  }
}

TEST("the cut depends on the data alone, not on threads") {
  const ThreadLimit one(1);
  const auto alone = blocks_of(100000, 24).length;
  const ThreadLimit seven(7);
  CHECK_EQUAL(blocks_of(100000, 24).length, alone);
}

TEST("a forced length is obeyed by both kinds of cut, and 0 gives the choice back") {
  const auto own = blocks_of(1000, 8).length;
  {
    const BlockLength forced(4);
    CHECK_EQUAL(blocks_of(1000, 8).length, 4);
    CHECK_EQUAL(blocks_at_most(1000, 2).length, 4);
    CHECK_EQUAL(blocks_of(1000, 8).count(), 250);
  }
  CHECK_EQUAL(forced_block_length(), 0);
  CHECK_EQUAL(blocks_of(1000, 8).length, own);
}

TEST("every block is done exactly once, by a thread below the limit") {
  for (const int threads : {1, 2, 7}) {
    const ThreadLimit limit(threads);
    std::vector<std::atomic<int>> visits(1001);
    std::atomic<int> highest{0};
    Run run;
    for_blocks({1001, 1}, run, much_work, [&](std::ptrdiff_t b, int thread) {
      ++visits[static_cast<std::size_t>(b)];
      int seen = highest;
      while (thread > seen && !highest.compare_exchange_weak(seen, thread)) {
      }
    });
    for (const auto& count : visits) CHECK_EQUAL(count.load(), 1);
    CHECK(highest < threads);
  }
}

TEST("no samples, no call") {
  Run run;
  int calls = 0;
  for_blocks({0, 4}, run, much_work, [&](std::ptrdiff_t, int) { ++calls; });
  CHECK_EQUAL(calls, 0);
  CHECK_EQUAL(total({}, {0, 4}), 0.0);
}

TEST("a sum is added in block order: the same bits for 1, 2 and 7 threads, with far more blocks than threads") {
  const auto values = awkward(20011);
  for (const std::ptrdiff_t length : {4, 64, 10000, 50000}) {
    const Blocks blocks{static_cast<std::ptrdiff_t>(values.size()), length};
    double expected = 0;
    for (std::ptrdiff_t b = 0; b < blocks.count(); ++b) {
      double block = 0;
      for (std::ptrdiff_t i = blocks.begin(b); i < blocks.end(b); ++i) block += values[static_cast<std::size_t>(i)];
      expected += block;
    }
    for (const int threads : {1, 2, 7})
      for (int repeat = 0; repeat < 5; ++repeat) {
        const ThreadLimit limit(threads);
        CHECK_EQUAL(bits(total(values, blocks)), bits(expected));
      }
  }
}

TEST("a forced block length of 4 keeps the sum to rounding") {
  const auto values = awkward(5000);
  const double own = total(values, blocks_of(5000, 8));
  const BlockLength forced(4);
  const double cut = total(values, blocks_of(5000, 8));
  CHECK(std::abs(cut - own) <= 1e-12 * std::ldexp(5000.0, 60));
}

TEST("small work stays on the calling thread") {
  const ThreadLimit limit(4);
  const auto caller = std::this_thread::get_id();
  std::atomic<int> elsewhere{0};
  Run run;
  for_blocks({100, 1}, run, serial_work_ns / 2,
             [&](std::ptrdiff_t, int thread) { elsewhere += thread != 0 || std::this_thread::get_id() != caller; });
  CHECK_EQUAL(elsewhere.load(), 0);
}

TEST("an exception in a block reaches the caller, as it was thrown, and the next loop works") {
  for (const int threads : {1, 2, 7}) {
    const ThreadLimit limit(threads);
    Run run;
    std::string caught;
    try {
      for_blocks({1000, 1}, run, much_work, [](std::ptrdiff_t b, int) {
        if (b == 37) throw std::domain_error("block 37");
      });
    } catch (const std::domain_error& error) {
      caught = error.what();
    }
    CHECK_EQUAL(caught, "block 37");
    CHECK(!run.stopped());
    CHECK_EQUAL(total(std::vector<double>(100, 1.0), {100, 3}), 100.0);
  }
}

TEST("one of many exceptions reaches the caller") {
  const ThreadLimit limit(7);
  Run run;
  CHECK_THROWS(std::runtime_error, for_blocks({1000, 1}, run, much_work,
                                              [](std::ptrdiff_t, int) { throw std::runtime_error("all of them"); }));
}

TEST("an interrupt ends the loop early and within 100 ms, and is asked for on the calling thread only") {
  for (const int threads : {1, 2, 7}) {
    const ThreadLimit limit(threads);
    const auto caller = std::this_thread::get_id();
    int polls = 0, strangers = 0;
    auto asked = std::chrono::steady_clock::time_point{};
    Run run(
        [&] {
          strangers += std::this_thread::get_id() != caller;
          if (++polls < 3) return true;
          asked = std::chrono::steady_clock::now();
          return false;
        },
        {});
    std::atomic<int> done{0};
    CHECK_THROWS(Interrupted, for_blocks({100000, 1}, run, much_work, [&](std::ptrdiff_t, int) {
                   std::this_thread::sleep_for(2ms);
                   ++done;
                 }));
    CHECK(std::chrono::steady_clock::now() - asked < 100ms);
    CHECK(done < 100000);
    CHECK_EQUAL(polls, 3);
    CHECK_EQUAL(strangers, 0);
    CHECK(run.stopped());
  }
}

TEST("a loop inside a block runs on that block's thread") {
  const ThreadLimit limit(4);
  Run run;
  std::atomic<int> sum{0}, wrong{0};
  for_blocks({8, 1}, run, much_work, [&](std::ptrdiff_t, int) {
    const bool inside = has_openmp();
    if (inside && n_threads() != 1) ++wrong;
    const auto outer = std::this_thread::get_id();
    Run inner;
    for_blocks({10, 1}, inner, much_work, [&](std::ptrdiff_t, int) {
      wrong += std::this_thread::get_id() != outer;
      ++sum;
    });
  });
  CHECK_EQUAL(sum.load(), 80);
  CHECK_EQUAL(wrong.load(), 0);
}

TEST("a limit belongs to the thread that set it") {
  const ThreadLimit limit(3);
  CHECK_EQUAL(thread_limit(), 3);
  CHECK_EQUAL(n_threads(), has_openmp() ? 3 : 1);
  int elsewhere = -1;
  std::thread([&] { elsewhere = thread_limit(); }).join();
  CHECK_EQUAL(elsewhere, 0);
}

TEST("limits return the one before; a negative one means none") {
  const ThreadLimit outer(5);
  CHECK_EQUAL(set_thread_limit(2), 5);
  CHECK_EQUAL(set_thread_limit(-1), 2);
  CHECK_EQUAL(set_thread_limit(5), 0);
}

TEST("the processor cap bounds OpenMP's number but not a limit of our own") {
  const ThreadLimit none(0);
  set_processor_cap(1);
  CHECK_EQUAL(n_threads(), 1);
  {
    const ThreadLimit own(6);
    CHECK_EQUAL(n_threads(), has_openmp() ? 6 : 1);
  }
  set_processor_cap(0);
  CHECK(n_threads() >= 1);
}

TEST("many threads may start kernels at once") {
  const auto values = awkward(4001);
  const Blocks blocks{4001, 16};
  const double expected = total(values, blocks);
  std::atomic<int> different{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 6; ++c)
    callers.emplace_back([&, c] {
      const ThreadLimit limit(1 + c % 3);
      for (int repeat = 0; repeat < 20; ++repeat) different += bits(total(values, blocks)) != bits(expected);
    });
  for (auto& caller : callers) caller.join();
  CHECK_EQUAL(different.load(), 0);
}

#if defined(__unix__) || defined(__APPLE__)
TEST("a forked child works serially and gets the same bits instead of hanging") {
  const auto values = awkward(4001);
  const Blocks blocks{4001, 16};
  const ThreadLimit limit(4);
  const double expected = total(values, blocks);  // the parent's threads exist from here on
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);  // a hang ends the child with SIGALRM
    const bool same = n_threads() == 1 && bits(total(values, blocks)) == bits(expected);
    _exit(same ? 0 : 1);
  }
  int status = -1;
  CHECK_EQUAL(waitpid(child, &status, 0), child);
  CHECK(WIFEXITED(status));
  CHECK_EQUAL(WEXITSTATUS(status), 0);
  CHECK_EQUAL(n_threads(), has_openmp() ? 4 : 1);  // the parent keeps its threads
  CHECK_EQUAL(bits(total(values, blocks)), bits(expected));
}
#endif
