#ifndef TRICENTER_CLINUX_CRC32C_H
#define TRICENTER_CLINUX_CRC32C_H

// CRC-32C (Castagnoli, RFC 3720 appendix B.4) by the processor's own instruction: SSE 4.2's on x86-64, the CRC32 extension's on AArch64.

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

static inline int tricenter_has_crc32c(void) {
  unsigned a, b, c, d;
  return __get_cpuid(1, &a, &b, &c, &d) && (c & (1u << 20));
}

/// Eight bytes an instruction; only where tricenter_has_crc32c() says so. `crc`: inverted before and after by the caller.
__attribute__((target("sse4.2"))) static inline uint32_t tricenter_crc32c(uint32_t crc, const void *bytes, size_t count) {
  const unsigned char *place = (const unsigned char *)bytes;
  uint64_t wide = crc;
  for (; count >= 8; count -= 8, place += 8) {
    uint64_t word;
    memcpy(&word, place, 8);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  uint32_t narrow = (uint32_t)wide;
  for (; count > 0; count -= 1, place += 1) narrow = __builtin_ia32_crc32qi(narrow, *place);
  return narrow;
}

#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

// HWCAP_CRC32 of asm/hwcap.h.
static inline int tricenter_has_crc32c(void) { return (getauxval(AT_HWCAP) & (1ul << 7)) != 0; }

__attribute__((target("crc"))) static inline uint32_t tricenter_crc32c(uint32_t crc, const void *bytes, size_t count) {
  const unsigned char *place = (const unsigned char *)bytes;
  for (; count >= 8; count -= 8, place += 8) {
    uint64_t word;
    memcpy(&word, place, 8);
    crc = __builtin_arm_crc32cd(crc, word);
  }
  for (; count > 0; count -= 1, place += 1) crc = __builtin_arm_crc32cb(crc, *place);
  return crc;
}

#else
static inline int tricenter_has_crc32c(void) { return 0; }
static inline uint32_t tricenter_crc32c(uint32_t crc, const void *bytes, size_t count) {
  (void)bytes;
  (void)count;
  return crc;
}
#endif

#endif
