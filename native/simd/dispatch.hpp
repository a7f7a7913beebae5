// Tables that every level defines, and the choice of the one of the level in use.
//
// In namespace shoal:  SHOAL_DECLARE_TABLE(Type, name)  declares `const Type& name()` in every level's namespace;
// SHOAL_PICK_TABLE(name)  is the table of the level in use.
#pragma once
#include "simd/level.hpp"

#define SHOAL_DECLARE_AT_(level, Type, name) \
  namespace level {                          \
  const Type& name();                        \
  }
#define SHOAL_CASE_(level, name)    \
  case ::shoal::simd::Level::level: \
    return ::shoal::level::name();

#if defined(__x86_64__)
#define SHOAL_DECLARE_TABLE(Type, name) \
  SHOAL_DECLARE_AT_(scalar, Type, name) \
  SHOAL_DECLARE_AT_(v2, Type, name)     \
  SHOAL_DECLARE_AT_(v3, Type, name)     \
  SHOAL_DECLARE_AT_(v4, Type, name)
#define SHOAL_CASES_(name) SHOAL_CASE_(v2, name) SHOAL_CASE_(v3, name) SHOAL_CASE_(v4, name)
#elif defined(__aarch64__)
#define SHOAL_DECLARE_TABLE(Type, name) \
  SHOAL_DECLARE_AT_(scalar, Type, name) \
  SHOAL_DECLARE_AT_(neon, Type, name)
#define SHOAL_CASES_(name) SHOAL_CASE_(neon, name)
#else
#define SHOAL_DECLARE_TABLE(Type, name) SHOAL_DECLARE_AT_(scalar, Type, name)
#define SHOAL_CASES_(name)
#endif

#define SHOAL_PICK_TABLE(name)          \
  [&]() -> decltype(auto) {             \
    switch (::shoal::simd::level()) {   \
      SHOAL_CASES_(name)                \
      default:                          \
        return ::shoal::scalar::name(); \
    }                                   \
  }()
