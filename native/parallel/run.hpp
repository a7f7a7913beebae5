// One run of a kernel: how it learns that it must stop, and how it tells how far it is.
//
// A kernel takes a Run& and calls parallel_for, which polls between blocks on the calling thread. The poll
// function comes from the caller (the bindings look for Ctrl-C there); kernels know nothing of Python.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <string_view>

namespace shoal {

/// Thrown by parallel_for (and Run::checkpoint) on the calling thread after a poll asked to stop.
struct Interrupted : std::exception {
  const char* what() const noexcept override { return "interrupted"; }
};

class Run {
 public:
  /// Returns false when the work must stop. Called on the thread that entered, at most every poll_interval.
  using Poll = std::function<bool()>;
  /// Told (stage, done, total); called on the thread that entered, at most every report_interval and at the end.
  using Report = std::function<void(std::string_view, double, double)>;

  Run() = default;
  Run(Poll poll, Report report) : poll_(std::move(poll)), report_(std::move(report)) {}
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  /// True once a poll has asked to stop; any thread may look.
  bool stopped() const { return stop_.load(std::memory_order_relaxed); }

  /// Called by the entering thread between blocks: polls if it is time to.
  void tick() {
    if (!poll_ || stopped()) return;
    const auto now = Clock::now();
    if (now - last_poll_ < poll_interval) return;
    last_poll_ = now;
    if (!poll_()) stop_.store(true, std::memory_order_relaxed);
  }

  /// For loops inside a long block: polls on the entering thread, number 0; true when the block may end unfinished.
  bool interrupted(int thread) {
    if (thread == 0) tick();
    return stopped();
  }

  /// Polls and throws Interrupted when asked to stop: for serial loops on the entering thread.
  void checkpoint() {
    tick();
    if (stopped()) throw Interrupted{};
  }

  /// Says that `done` of `total` units of `stage` are finished. Cheap when nobody listens. Silent once stopped: who
  /// polled may have an error to raise that the listener would meet.
  void progress(std::string_view stage, double done, double total) {
    if (!report_ || stopped()) return;
    const auto now = Clock::now();
    if (now - last_report_ < report_interval && done < total) return;
    last_report_ = now;
    report_(stage, done, total);
  }

  static constexpr std::chrono::milliseconds poll_interval{20};
  static constexpr std::chrono::milliseconds report_interval{100};

 private:
  using Clock = std::chrono::steady_clock;
  Poll poll_;
  Report report_;
  std::atomic<bool> stop_{false};
  Clock::time_point last_poll_{};
  Clock::time_point last_report_{};
};

}  // namespace shoal
