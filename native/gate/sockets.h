// The TCP sockets of this machine, as NETLINK_SOCK_DIAG shows and ends them.
#pragma once

#include <cstdint>

#include "netlink.h"

namespace gate {

/// Ports from `first` to `last`, without those from `but_first` to `but_last` (0, 0: without exception).
struct PortRange {
  uint16_t first = 0;
  uint16_t last = 0;
  uint16_t but_first = 0;
  uint16_t but_last = 0;
};

class Sockets {
 public:
  /// False with errno where the kernel has no sock_diag.
  bool Connect() { return netlink_.Connect(NETLINK_SOCK_DIAG); }
  /// Whether this kernel ends sockets on demand (INET_DIAG_DESTROY).
  bool CanDestroy();
  /// Counts connections, of IPv4 and IPv6, whose local port is within `range`. 0 or errno.
  int Count(const PortRange& range, uint32_t* count);
  /// Ends them with a reset: what waits to be sent, or to be sent again, is thrown away. Adds to `destroyed`. 0 or errno.
  int Destroy(const PortRange& range, uint32_t* destroyed);

 private:
  int Dump(const PortRange& range);
  Netlink netlink_;
  Messages messages_;
};

}  // namespace gate
