# Checks the objects of one instruction-set level: every function they export must belong to that level.
#
#   cmake -DNM=nm -DLEVEL=v3 "-DOBJECTS=a.o;b.o" -P tools/check_symbols.cmake
#
# An inline function of the standard library (std::vector<float>::resize, say) that was not inlined is a weak symbol
# with the same name in every object. The linker keeps one of them for the whole library, perhaps the one compiled for
# AVX-512, and the library then stops with an illegal instruction on every processor without it. A name that mentions
# shoal::<level>:: is that level's own and cannot meet another. To mend a finding, keep the function out of
# *.simd.cpp files or give it internal linkage.
list(FILTER OBJECTS EXCLUDE REGEX "\\.[gp]ch$")  # a precompiled header is listed with the objects
foreach(object IN LISTS OBJECTS)
  execute_process(COMMAND "${NM}" -C --defined-only "${object}" OUTPUT_VARIABLE listing RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${NM} cannot read ${object}")
  endif()
  string(REGEX REPLACE "[][;]" "," listing "${listing}")  # they would confuse CMake's lists
  string(REGEX MATCHALL "[^\n]+" lines "${listing}")
  foreach(line IN LISTS lines)
    # T, W, w: code, global or weak; data are the same bytes at every level, local symbols meet nobody
    if(line MATCHES " [TWw] " AND NOT line MATCHES "shoal::${LEVEL}::")
      message("${object}: ${line}")
      set(found TRUE)
    endif()
  endforeach()
endforeach()
if(found)
  message(FATAL_ERROR "symbols that do not belong to level ${LEVEL}")
endif()
