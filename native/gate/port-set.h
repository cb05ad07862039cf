// The set of local ports whose packets pass, in the table that systemd/redbutton-gate.nft makes.
#pragma once

#include <cstdint>

#include "netlink.h"

namespace gate {

class PortSet {
 public:
  /// False with errno where the kernel has no nf_tables, or the table is not there.
  bool Connect() { return netlink_.Connect(NETLINK_NETFILTER); }
  /// Lets the block that begins at port `first` pass for `ms` milliseconds from now, and no other, in one step. 0 or errno.
  int Open(uint16_t first, uint32_t ms);
  /// Lets no port pass. 0 or errno.
  int Shut();
  /// Whether table and chain are there: 0 or errno. Another program may have flushed all rules.
  int Present();
  /// Whether an element goes by itself when its time is over; `port` is one that no connection has. 0 or errno.
  int TimesOut(uint16_t port, bool* times_out);

 private:
  int Elements(uint16_t first, uint16_t count, uint32_t ms, bool only);
  Netlink netlink_;
  Messages messages_;
};

}  // namespace gate
