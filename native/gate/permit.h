// The permit file's record, as the guard writes it; its layout is described in src/core/permit-record.ts. Pure: no I/O.
#pragma once

#include <cstddef>
#include <cstdint>

namespace gate {

constexpr size_t kPermitBytes = 64;
constexpr size_t kBootIdBytes = 16;

/// The local ports of connections that may carry a create request; see src/core/create-ports.ts.
constexpr uint16_t kPortFirst = 61000;
constexpr uint16_t kBlockPorts = 32;
constexpr uint16_t kBlocks = 31;
constexpr uint16_t kPortLast = kPortFirst + kBlocks * kBlockPorts - 1;

struct Permit {
  /// A whole number from 0 to 2^53 − 1.
  int64_t epoch = 0;
  /// CLOCK_MONOTONIC, milliseconds.
  double expires_ms = 0;
};

/// `kTorn`: no record, or one that was met half-written.
enum class Reading { kTorn, kShut, kValid };

/// Whether `bytes` let creates pass at `now_ms`: a whole record of this boot that is not revoked, not expired, and reaches no
/// further ahead than the trader's reader believes (10 s). `permit` is written only where it does.
Reading DecodePermit(const uint8_t* bytes, size_t length, const uint8_t* boot_id, double now_ms, Permit* permit);

/// First port of the epoch's block.
uint16_t BlockOf(int64_t epoch);

/// Reads the 36 characters of /proc/sys/kernel/random/boot_id.
bool ParseBootId(const char* text, size_t length, uint8_t* boot_id);

}  // namespace gate
