#include "permit.h"

#include <cmath>
#include <cstring>

namespace gate {
namespace {

constexpr uint32_t kMagic = 0x31504252;
/// ACTIVE, REDUCING, FLATTENING; 0 is revoked.
constexpr uint32_t kStateLast = 3;
constexpr double kAheadMsMax = 10000;
constexpr double kEpochMax = 9007199254740991;

uint32_t Crc32c(const uint8_t* bytes, size_t length) {
  uint32_t crc = 0xffffffff;
  for (size_t i = 0; i < length; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82f63b78 : crc >> 1;
  }
  return ~crc;
}

/// Every machine this runs on is little-endian, as the record is.
template <typename T>
T At(const uint8_t* bytes, size_t offset) {
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the record is little-endian");
  T value;
  std::memcpy(&value, bytes + offset, sizeof value);
  return value;
}

}  // namespace

Reading DecodePermit(const uint8_t* bytes, size_t length, const uint8_t* boot_id, double now_ms, Permit* permit) {
  if (length != kPermitBytes || At<uint32_t>(bytes, 0) != kMagic) return Reading::kTorn;
  if (At<uint32_t>(bytes, 60) != Crc32c(bytes, 60)) return Reading::kTorn;
  if (std::memcmp(bytes + 32, boot_id, kBootIdBytes) != 0) return Reading::kShut;
  const auto state = At<uint32_t>(bytes, 4);
  if (state == 0 || state > kStateLast) return Reading::kShut;
  const auto epoch = At<double>(bytes, 8);
  const auto expires_ms = At<double>(bytes, 16);
  // Written so that NaN fails each of them.
  if (!(epoch >= 0 && epoch <= kEpochMax) || epoch != std::floor(epoch)) return Reading::kShut;
  if (!(expires_ms > now_ms && expires_ms <= now_ms + kAheadMsMax)) return Reading::kShut;
  permit->epoch = static_cast<int64_t>(epoch);
  permit->expires_ms = expires_ms;
  return Reading::kValid;
}

uint16_t BlockOf(int64_t epoch) {
  return static_cast<uint16_t>(kPortFirst + epoch % kBlocks * kBlockPorts);
}

bool ParseBootId(const char* text, size_t length, uint8_t* boot_id) {
  size_t digits = 0;
  for (size_t i = 0; i < length && text[i] != '\n'; ++i) {
    if (text[i] == '-') continue;
    const char c = text[i];
    const int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (value < 0 || digits == 2 * kBootIdBytes) return false;
    boot_id[digits / 2] = static_cast<uint8_t>(digits % 2 == 0 ? value << 4 : boot_id[digits / 2] | value);
    ++digits;
  }
  return digits == 2 * kBootIdBytes;
}

}  // namespace gate
