#include "gate.h"

#include <cerrno>
#include <cmath>

namespace gate {
namespace {

/// How long an element may outlive the last permit seen: the guard's own bound for a dead guard.
constexpr double kElementMsMax = 500;
/// A permit that gives less than this more is not worth a transaction.
constexpr double kGainMs = 150;
/// No connection has it as its own port, and the rules do not ask for it.
constexpr uint16_t kTrialPort = 1;
constexpr int kRounds = 3;

}  // namespace

bool Gate::Check(int failure, const char* doing) {
  if (failure == 0) return true;
  if (failure_ != failure || doing_ != doing) ++changes_;
  failure_ = failure;
  doing_ = doing;
  return false;
}

int Gate::Start(bool destroy, const char** doing) {
  *doing = "speak to nf_tables";
  if (!set_.Connect()) return errno;
  *doing = "find the table inet redbutton_gate (systemd/redbutton-gate.nft)";
  if (const int failure = set_.Present()) return failure;
  *doing = "speak to sock_diag";
  if (!sockets_.Connect()) return errno;
  *doing = "speak to rtnetlink";
  if (!neighbours_.Connect()) return errno;
  *doing = "try a set element that times out";
  if (const int failure = set_.TimesOut(kTrialPort, &set_timeouts_)) return failure;
  can_destroy_ = destroy && sockets_.CanDestroy();
  *doing = "shut";
  if (const int failure = set_.Shut()) return failure;
  DestroyAllBut(0);
  return 0;
}

void Gate::DestroyAllBut(uint16_t first) {
  if (!can_destroy_) return;
  PortRange range;
  range.first = kPortFirst;
  range.last = kPortLast;
  if (first != 0) {
    range.but_first = first;
    range.but_last = static_cast<uint16_t>(first + kBlockPorts - 1);
  }
  const uint32_t before = destroyed_;
  Check(sockets_.Destroy(range, &destroyed_), "end sockets");
  if (destroyed_ != before) ++changes_;
}

/// Ends what the block holds: it was made under an earlier epoch. False while anything is left.
bool Gate::Clear(uint16_t first) {
  PortRange range;
  range.first = first;
  range.last = static_cast<uint16_t>(first + kBlockPorts - 1);
  uint32_t left = 0;
  for (int round = 0; round < kRounds; ++round) {
    if (!Check(sockets_.Count(range, &left), "list sockets")) return false;
    if (left == 0 || !can_destroy_) break;
    if (!Check(sockets_.Destroy(range, &destroyed_), "end sockets")) return false;
    ++changes_;
  }
  if (left != waiting_) ++changes_;
  waiting_ = left;
  return left == 0;
}

void Gate::Look(const Permit* permit, double now_ms) {
  if (permit == nullptr) {
    if (first_ != 0) Shut();
    if (waiting_ != 0) ++changes_;
    waiting_ = 0;
    return;
  }
  const uint16_t first = BlockOf(permit->epoch);
  if (first_ != 0 && permit->epoch != epoch_) {
    Shut();
    if (first_ != 0) return;
  }
  const double until_ms = std::fmin(permit->expires_ms, now_ms + kElementMsMax);
  const bool fresh = first_ == 0;
  if (fresh && !Clear(first)) return;
  if (!fresh && std::fabs(until_ms - until_ms_) < kGainMs) return;
  // Rounded down: an element must not outlive its permit.
  const auto ms = static_cast<uint32_t>(until_ms - now_ms);
  if (ms == 0) return;
  if (!Check(set_.Open(first, ms), "open a block")) return;
  first_ = first;
  epoch_ = permit->epoch;
  until_ms_ = until_ms;
  if (fresh) ++changes_;
}

void Gate::Shut() {
  // The set first: a socket could still send between its end and that of its block. Where it fails, the next look tries again.
  if (Check(set_.Shut(), "shut")) first_ = 0;
  ++changes_;
  // Before the sockets: their resets are to reach the other end.
  Check(neighbours_.ForgetUnresolved(), "forget packets that wait for an address");
  DestroyAllBut(0);
}

}  // namespace gate
