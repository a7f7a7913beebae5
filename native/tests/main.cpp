// Runs the tests whose name holds the first argument (all of them without one); exit code 1 when a check failed.
#include <exception>

#include "tests/check.hpp"

int main(int argc, char** argv) {
  using namespace shoal::tests;
  const std::string_view wanted = argc > 1 ? argv[1] : "";
  int ran = 0;
  for (const Test& test : all_tests()) {
    if (test.name.find(wanted) == std::string_view::npos) continue;
    ++ran;
    const int before = n_failures;
    try {
      test.body();
    } catch (const std::exception& error) {
      check(false, __FILE__, __LINE__, std::string("unexpected exception: ") + error.what());
    } catch (...) {
      check(false, __FILE__, __LINE__, "unexpected exception");
    }
    if (n_failures != before) std::cerr << "FAILED: " << test.name << '\n';
  }
  std::cout << ran << " C++ tests, " << n_checks << " checks, " << n_failures << " failed\n";
  return n_failures == 0 && ran > 0 ? 0 : 1;
}
