#include "neighbours.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <cerrno>
#include <cstring>

namespace gate {
namespace {

/// A box has a router or two, and a few others on its network.
constexpr uint32_t kFoundMax = 64;
constexpr size_t kAddressBytesMax = 16;

struct Unresolved {
  ndmsg header;
  uint8_t address[kAddressBytesMax];
  size_t length;
};

struct Found {
  uint32_t count = 0;
  Unresolved all[kFoundMax];
};

Found found;

void Take(void* context, const nlmsghdr* header) {
  auto* into = static_cast<Found*>(context);
  if (header->nlmsg_type != RTM_NEWNEIGH || header->nlmsg_len < NLMSG_LENGTH(sizeof(ndmsg))) return;
  Unresolved one = {};
  std::memcpy(&one.header, NLMSG_DATA(header), sizeof one.header);
  if ((one.header.ndm_state & NUD_INCOMPLETE) == 0 || into->count == kFoundMax) return;
  auto left = static_cast<int>(header->nlmsg_len - NLMSG_LENGTH(sizeof(ndmsg)));
  const auto* body = static_cast<const uint8_t*>(NLMSG_DATA(header)) + NLMSG_ALIGN(sizeof(ndmsg));
  for (auto* attribute = reinterpret_cast<const rtattr*>(body); RTA_OK(attribute, left);
       attribute = RTA_NEXT(attribute, left)) {
    if (attribute->rta_type != NDA_DST || RTA_PAYLOAD(attribute) > kAddressBytesMax) continue;
    one.length = RTA_PAYLOAD(attribute);
    std::memcpy(one.address, RTA_DATA(attribute), one.length);
    into->all[into->count++] = one;
    return;
  }
}

}  // namespace

int Neighbours::ForgetUnresolved() {
  found.count = 0;
  uint32_t seq = netlink_.NextSeq();
  const ndmsg all = {};
  messages_.Clear();
  messages_.Begin(RTM_GETNEIGH, NLM_F_DUMP, seq);
  messages_.Put(&all, sizeof all);
  if (const int failure = netlink_.Ask(messages_, seq, Take, &found)) return failure;
  int first_failure = 0;
  for (uint32_t i = 0; i < found.count; ++i) {
    const Unresolved& one = found.all[i];
    seq = netlink_.NextSeq();
    messages_.Clear();
    messages_.Begin(RTM_DELNEIGH, NLM_F_ACK, seq);
    messages_.Put(&one.header, sizeof one.header);
    messages_.Attribute(NDA_DST, one.address, one.length);
    const int failure = netlink_.Ask(messages_, seq);
    // ENOENT: it has been answered or given up meanwhile.
    if (failure != 0 && failure != ENOENT && first_failure == 0) first_failure = failure;
  }
  return first_failure;
}

}  // namespace gate
