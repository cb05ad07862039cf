// What the gate decides at each look at the permit: which block passes, and which sockets go.
#pragma once

#include <cstdint>

#include "neighbours.h"
#include "permit.h"
#include "port-set.h"
#include "sockets.h"

namespace gate {

class Gate {
 public:
  /// Connects, tries what the kernel can do, and shuts. Returns 0 or errno; `doing` says then what failed.
  int Start(bool destroy, const char** doing);
  /// Follows the permit; null where none is valid.
  void Look(const Permit* permit, double now_ms);
  /// Ends sockets that no block lets pass: what a failure left.
  void Sweep() { DestroyAllBut(first_); }
  /// Whether the table is still there.
  bool Present() { return Check(set_.Present(), "find the table"); }
  /// Lets nothing pass, and ends the sockets.
  void Shut();

  bool open() const { return first_ != 0; }
  int64_t epoch() const { return epoch_; }
  uint16_t first() const { return first_; }
  bool set_timeouts() const { return set_timeouts_; }
  bool can_destroy() const { return can_destroy_; }
  uint32_t destroyed() const { return destroyed_; }
  /// Connections of an earlier epoch that keep the permit's block shut, as the kernel cannot end them.
  uint32_t waiting() const { return waiting_; }
  /// The last failure: errno and what was tried; 0 and null where there is none.
  int failure() const { return failure_; }
  const char* doing() const { return doing_; }
  /// Counts changes of what the state file shows.
  uint32_t changes() const { return changes_; }

 private:
  bool Check(int failure, const char* doing);
  bool Clear(uint16_t first);
  void DestroyAllBut(uint16_t first);

  PortSet set_;
  Sockets sockets_;
  Neighbours neighbours_;
  bool set_timeouts_ = false;
  bool can_destroy_ = false;
  int64_t epoch_ = 0;
  /// First port of the open block; 0 while shut.
  uint16_t first_ = 0;
  double until_ms_ = 0;
  uint32_t destroyed_ = 0;
  uint32_t waiting_ = 0;
  int failure_ = 0;
  const char* doing_ = nullptr;
  uint32_t changes_ = 0;
};

}  // namespace gate
