// Large results are written to memory that the process has never touched, and taking the page faults one 4 KB page at a
// time costs several times what the features do.
#pragma once
#include <cstddef>
#include <cstdint>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace redbutton::features {

/// Tells the kernel that [data, data + bytes) may be backed by huge pages. Advice alone: contents do not change, and a
/// kernel that cannot or must not do so continues as before. Small pieces are left alone.
inline void advise_huge_pages(void* data, size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  constexpr uintptr_t huge = uintptr_t{2} << 20;
  if (bytes < 4 * huge) return;
  // Only whole huge pages inside the piece, so that no neighbour's memory is touched.
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(data) + huge - 1) & ~(huge - 1);
  const uintptr_t end = (reinterpret_cast<uintptr_t>(data) + bytes) & ~(huge - 1);
  if (begin < end) (void)madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#else
  (void)data, (void)bytes;
#endif
}

}  // namespace redbutton::features
