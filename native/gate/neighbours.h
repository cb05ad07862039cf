// Packets that wait in the kernel for a neighbour's address (ARP, NDP): they have passed the packet filter already.
#pragma once

#include <cstdint>

#include "netlink.h"

namespace gate {

class Neighbours {
 public:
  /// False with errno where the kernel has no rtnetlink.
  bool Connect() { return netlink_.Connect(NETLINK_ROUTE); }
  /// Forgets each neighbour whose address is being asked for, and with it the packets that wait for the answer. What still may
  /// be sent is sent again by its connection, and asks again. 0 or errno.
  int ForgetUnresolved();

 private:
  Netlink netlink_;
  Messages messages_;
};

}  // namespace gate
