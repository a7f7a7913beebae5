// A small test harness: no dependency, so that the kernels are tested wherever they compile.
//
//   TEST("a claim in plain words") {
//     CHECK(1 + 1 == 2);
//     CHECK_EQUAL(lengths(4), 3);
//     CHECK_THROWS(std::invalid_argument, level_from_name("v9"));
//   }
//
// A failed check is printed with its place and values, and the test goes on. `shoal_tests [text]` runs the tests whose
// name holds the text. Checks may be made on any thread.
#pragma once
#include <atomic>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::tests {

struct Test {
  std::string_view name;
  void (*body)();
};

inline std::vector<Test>& all_tests() {
  static std::vector<Test> tests;
  return tests;
}
inline std::atomic<int> n_checks{0};
inline std::atomic<int> n_failures{0};

struct Registration {
  Registration(std::string_view name, void (*body)()) { all_tests().push_back({name, body}); }
};

inline void check(bool passed, const char* file, int line, const std::string& message) {
  ++n_checks;
  if (passed) return;
  ++n_failures;
  std::cerr << (std::ostringstream{} << file << ':' << line << ": " << message << '\n').str();
}

template <class A, class B>
void check_equal(const A& a, const B& b, const char* file, int line, const char* text) {
  std::ostringstream message;
  message.precision(17);
  message << text << ": " << a << " is not " << b;
  check(a == b, file, line, message.str());
}

}  // namespace shoal::tests

#define SHOAL_JOIN2(a, b) a##b
#define SHOAL_JOIN(a, b) SHOAL_JOIN2(a, b)
#define TEST(name)                                                                                                  \
  static void SHOAL_JOIN(test_, __LINE__)();                                                                        \
  static const ::shoal::tests::Registration SHOAL_JOIN(registration_, __LINE__)(name, SHOAL_JOIN(test_, __LINE__)); \
  static void SHOAL_JOIN(test_, __LINE__)()
#define CHECK(...) ::shoal::tests::check(static_cast<bool>(__VA_ARGS__), __FILE__, __LINE__, #__VA_ARGS__)
#define CHECK_EQUAL(a, b) ::shoal::tests::check_equal((a), (b), __FILE__, __LINE__, #a " == " #b)
#define CHECK_THROWS(type, ...)                                                             \
  do {                                                                                      \
    bool thrown = false;                                                                    \
    try {                                                                                   \
      static_cast<void>(__VA_ARGS__);                                                       \
    } catch (const type&) {                                                                 \
      thrown = true;                                                                        \
    }                                                                                       \
    ::shoal::tests::check(thrown, __FILE__, __LINE__, #__VA_ARGS__ " should throw " #type); \
  } while (false)
