#include "netlink.h"

#include <arpa/inet.h>
#include <endian.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace gate {
namespace {

/// The kernel answers within the call that asks; a longer wait means that the answer was lost.
constexpr timeval kAnswerMax = {1, 0};

}  // namespace

uint8_t* Messages::Room(size_t length) {
  const size_t aligned = NLMSG_ALIGN(length);
  if (used_ + aligned > sizeof bytes_) abort();
  uint8_t* room = bytes_ + used_;
  std::memset(room, 0, aligned);
  used_ += aligned;
  return room;
}

void Messages::Seal() {
  const auto length = static_cast<uint32_t>(used_ - message_);
  std::memcpy(bytes_ + message_, &length, sizeof length);
}

void Messages::Begin(uint16_t type, uint16_t flags, uint32_t seq) {
  message_ = used_;
  nlmsghdr header = {};
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<uint16_t>(flags | NLM_F_REQUEST);
  header.nlmsg_seq = seq;
  std::memcpy(Room(sizeof header), &header, sizeof header);
  Seal();
}

void Messages::Put(const void* data, size_t length) {
  std::memcpy(Room(length), data, length);
  Seal();
}

void Messages::Attribute(uint16_t type, const void* data, size_t length) {
  uint8_t* room = Room(NLA_HDRLEN + length);
  const nlattr attribute = {static_cast<uint16_t>(NLA_HDRLEN + length), type};
  std::memcpy(room, &attribute, sizeof attribute);
  std::memcpy(room + NLA_HDRLEN, data, length);
  Seal();
}

void Messages::Text(uint16_t type, const char* text) { Attribute(type, text, std::strlen(text) + 1); }

void Messages::Number32(uint16_t type, uint32_t value) {
  const uint32_t wire = htonl(value);
  Attribute(type, &wire, sizeof wire);
}

void Messages::Number64(uint16_t type, uint64_t value) {
  const uint64_t wire = htobe64(value);
  Attribute(type, &wire, sizeof wire);
}

size_t Messages::Open(uint16_t type) {
  const size_t opened = used_;
  const nlattr attribute = {NLA_HDRLEN, static_cast<uint16_t>(type | NLA_F_NESTED)};
  std::memcpy(Room(sizeof attribute), &attribute, sizeof attribute);
  Seal();
  return opened;
}

void Messages::Close(size_t opened) {
  const auto length = static_cast<uint16_t>(used_ - opened);
  std::memcpy(bytes_ + opened, &length, sizeof length);
}

bool Netlink::Connect(int protocol) {
  fd_ = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd_ < 0) return false;
  sockaddr_nl self = {};
  self.nl_family = AF_NETLINK;
  if (bind(fd_, reinterpret_cast<sockaddr*>(&self), sizeof self) != 0) return false;
  return setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &kAnswerMax, sizeof kAnswerMax) == 0;
}

Netlink::~Netlink() {
  if (fd_ >= 0) close(fd_);
}

int Netlink::Ask(const Messages& messages, uint32_t seq, void (*found)(void*, const nlmsghdr*), void* context) {
  sockaddr_nl kernel = {};
  kernel.nl_family = AF_NETLINK;
  ssize_t sent;
  do sent = sendto(fd_, messages.data(), messages.size(), 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) return errno;
  for (;;) {
    alignas(8) uint8_t answer[32768];
    ssize_t length = recv(fd_, answer, sizeof answer, 0);
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) return errno == EAGAIN ? ETIMEDOUT : errno;
    for (auto* header = reinterpret_cast<nlmsghdr*>(answer); NLMSG_OK(header, length); header = NLMSG_NEXT(header, length)) {
      // Left over from a question that was given up.
      if (header->nlmsg_seq != seq) continue;
      if (header->nlmsg_type == NLMSG_DONE) return 0;
      if (header->nlmsg_type != NLMSG_ERROR) {
        if (found != nullptr) found(context, header);
        continue;
      }
      return -static_cast<const nlmsgerr*>(NLMSG_DATA(header))->error;
    }
  }
}

}  // namespace gate
