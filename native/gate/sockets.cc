#include "sockets.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>

namespace gate {
namespace {

/// What can still send. Newer kernels show sockets that are only bound as well: they have nothing to send.
constexpr uint32_t kStates = 1U << TCP_ESTABLISHED | 1U << TCP_SYN_SENT | 1U << TCP_FIN_WAIT1 | 1U << TCP_FIN_WAIT2 |
                             1U << TCP_CLOSE_WAIT | 1U << TCP_LAST_ACK | 1U << TCP_CLOSING;
/// All blocks are full at once with fewer.
constexpr uint32_t kFoundMax = 1024;

struct Found {
  PortRange range;
  uint32_t count = 0;
  uint8_t family[kFoundMax];
  inet_diag_sockid id[kFoundMax];
};

void Take(void* context, const nlmsghdr* header) {
  auto* found = static_cast<Found*>(context);
  if (header->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg)) || found->count == kFoundMax) return;
  inet_diag_msg message;
  std::memcpy(&message, NLMSG_DATA(header), sizeof message);
  const uint16_t port = ntohs(message.id.idiag_sport);
  const PortRange& range = found->range;
  if (port < range.first || port > range.last) return;
  if (range.but_first != 0 && port >= range.but_first && port <= range.but_last) return;
  found->family[found->count] = message.idiag_family;
  found->id[found->count] = message.id;
  ++found->count;
}

Found found;

inet_diag_req_v2 Request(uint8_t family) {
  inet_diag_req_v2 request = {};
  request.sdiag_family = family;
  request.sdiag_protocol = IPPROTO_TCP;
  request.idiag_states = kStates;
  return request;
}

}  // namespace

int Sockets::Dump(const PortRange& range) {
  found.range = range;
  found.count = 0;
  for (const int family : {AF_INET, AF_INET6}) {
    const uint32_t seq = netlink_.NextSeq();
    const inet_diag_req_v2 request = Request(static_cast<uint8_t>(family));
    messages_.Clear();
    messages_.Begin(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, seq);
    messages_.Put(&request, sizeof request);
    const int failure = netlink_.Ask(messages_, seq, Take, &found);
    // ENOENT: a kernel without IPv6.
    if (failure != 0 && !(failure == ENOENT && family == AF_INET6)) return failure;
  }
  return 0;
}

bool Sockets::CanDestroy() {
  const uint32_t seq = netlink_.NextSeq();
  // One that there cannot be: to port 0 of nowhere.
  inet_diag_req_v2 request = Request(AF_INET);
  request.id.idiag_cookie[0] = request.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  messages_.Clear();
  messages_.Begin(SOCK_DESTROY, NLM_F_ACK, seq);
  messages_.Put(&request, sizeof request);
  return netlink_.Ask(messages_, seq) == ENOENT;
}

int Sockets::Count(const PortRange& range, uint32_t* count) {
  const int failure = Dump(range);
  *count = found.count;
  return failure;
}

int Sockets::Destroy(const PortRange& range, uint32_t* destroyed) {
  if (const int failure = Dump(range)) return failure;
  int first_failure = 0;
  for (uint32_t i = 0; i < found.count; ++i) {
    const uint32_t seq = netlink_.NextSeq();
    inet_diag_req_v2 request = Request(found.family[i]);
    request.id = found.id[i];
    messages_.Clear();
    messages_.Begin(SOCK_DESTROY, NLM_F_ACK, seq);
    messages_.Put(&request, sizeof request);
    const int failure = netlink_.Ask(messages_, seq);
    if (failure == 0) ++*destroyed;
    // ENOENT: it has gone meanwhile.
    else if (failure != ENOENT && first_failure == 0) first_failure = failure;
  }
  return first_failure;
}

}  // namespace gate
