// Reads permit records by the gate's decoder, for comparing it with the trader's.
//   decode-permit BOOT_ID NOW_MS      records on stdin, each a byte of length and as many bytes; a line for each
//   decode-permit --random ROUNDS     random and nearly right records, for the sanitizers; the number that was valid
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "../gate/permit.h"

namespace {

int Compare(const char* boot_text, double now_ms) {
  uint8_t boot_id[gate::kBootIdBytes];
  if (!gate::ParseBootId(boot_text, std::strlen(boot_text), boot_id)) return 1;
  for (int length; (length = std::getchar()) != EOF;) {
    // On the heap, and no longer than it is, so that a sanitizer sees a read beyond it.
    std::vector<uint8_t> bytes(static_cast<size_t>(length));
    if (std::fread(bytes.data(), 1, bytes.size(), stdin) != bytes.size()) return 1;
    gate::Permit permit;
    const gate::Reading reading = gate::DecodePermit(bytes.data(), bytes.size(), boot_id, now_ms, &permit);
    if (reading == gate::Reading::kValid)
      std::printf("%lld %.17g %u\n", static_cast<long long>(permit.epoch), permit.expires_ms, gate::BlockOf(permit.epoch));
    else
      std::printf("%s\n", reading == gate::Reading::kTorn ? "torn" : "shut");
  }
  return 0;
}

uint32_t Crc32c(const uint8_t* bytes, size_t length) {
  uint32_t crc = 0xffffffff;
  for (size_t i = 0; i < length; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82f63b78 : crc >> 1;
  }
  return ~crc;
}

int Random(int rounds) {
  std::mt19937_64 random(7);
  const uint8_t boot_id[gate::kBootIdBytes] = {1, 2, 3};
  int valid = 0;
  for (int round = 0; round < rounds; ++round) {
    std::vector<uint8_t> bytes(random() % 4 == 0 ? random() % 130 : gate::kPermitBytes);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    if (bytes.size() == gate::kPermitBytes) {
      const uint32_t magic = 0x31504252, state = static_cast<uint32_t>(random() % 5);
      std::memcpy(&bytes[0], &magic, 4);
      std::memcpy(&bytes[4], &state, 4);
      // Any bits at all are a double: infinities, NaN and denormals among them.
      if (random() % 2 == 0) {
        const double epoch = static_cast<double>(random() >> (random() % 64));
        std::memcpy(&bytes[8], &epoch, 8);
      }
      if (random() % 4 != 0) {
        const double expires_ms = 1000 + static_cast<double>(random() % 12000);
        std::memcpy(&bytes[16], &expires_ms, 8);
      }
      if (random() % 8 != 0) std::memcpy(&bytes[32], boot_id, sizeof boot_id);
      const uint32_t crc = Crc32c(bytes.data(), 60);
      if (random() % 8 != 0) std::memcpy(&bytes[60], &crc, 4);
    }
    gate::Permit permit;
    if (gate::DecodePermit(bytes.data(), bytes.size(), boot_id, 1000, &permit) != gate::Reading::kValid) continue;
    ++valid;
    const uint16_t first = gate::BlockOf(permit.epoch);
    if (first < gate::kPortFirst || first + gate::kBlockPorts - 1 > gate::kPortLast) return 1;
    if ((first - gate::kPortFirst) % gate::kBlockPorts != 0 || permit.epoch < 0) return 1;
  }
  std::printf("%d of %d records valid\n", valid, rounds);
  return valid > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  if (std::strcmp(argv[1], "--random") == 0) return Random(std::atoi(argv[2]));
  return Compare(argv[1], std::atof(argv[2]));
}
