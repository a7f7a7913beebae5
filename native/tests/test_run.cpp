#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "parallel/run.hpp"
#include "tests/check.hpp"

using namespace shoal;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

TEST("a run that nobody watches never stops") {
  Run run;
  run.checkpoint();
  run.progress("stage", 1, 2);
  CHECK(!run.stopped());
}

TEST("the first tick polls, and later ones at most once per interval") {
  int polls = 0;
  Run run([&] { return ++polls, true; }, {});
  const auto start = Clock::now();
  run.tick();
  CHECK_EQUAL(polls, 1);
  while (Clock::now() - start < 3 * Run::poll_interval) run.tick();
  const auto spent = Clock::now() - start;
  CHECK(polls >= 3);
  CHECK(polls <= 1 + spent / Run::poll_interval);
}

TEST("a poll that says no stops the run for good") {
  int polls = 0;
  Run run([&] { return ++polls, false; }, {});
  CHECK_THROWS(Interrupted, run.checkpoint());
  CHECK(run.stopped());
  CHECK_THROWS(Interrupted, run.checkpoint());
  CHECK_EQUAL(polls, 1);  // the second time within the interval: remembered, not asked again
}

TEST("reports are spaced, but the end of a stage is always told") {
  struct Said {
    std::string stage;
    double done, total;
  };
  std::vector<Said> said;
  Run run({}, [&](std::string_view stage, double done, double total) {
    said.push_back({std::string(stage), done, total});
  });
  for (int i = 1; i <= 1000; ++i) run.progress("iterations", i, 1000);
  CHECK(said.size() >= 2 && said.size() < 20);
  CHECK_EQUAL(said.front().done, 1.0);
  CHECK_EQUAL(said.back().stage, "iterations");
  CHECK_EQUAL(said.back().done, 1000.0);
  CHECK_EQUAL(said.back().total, 1000.0);

  const std::size_t before = said.size();
  std::this_thread::sleep_for(Run::report_interval + 5ms);
  run.progress("iterations", 1, 1000);
  CHECK_EQUAL(said.size(), before + 1);
}
