// For functions that files of every level share: were one not inlined, the linker would keep one level's for all.
#pragma once

#define SHOAL_INLINE [[gnu::always_inline]] inline
