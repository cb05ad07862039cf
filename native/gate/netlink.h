// Messages to the kernel and its answers. Nothing here knows of packet filters or sockets.
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>

namespace gate {

/// Messages written one after the other. A message that does not fit is a fault of the program and aborts it.
class Messages {
 public:
  void Clear() { used_ = 0; }
  /// Begins a message; its sequence number is `seq`.
  void Begin(uint16_t type, uint16_t flags, uint32_t seq);
  void Put(const void* data, size_t length);
  /// An attribute of 2, 4 or 8 bytes or a text. Numbers are put in network order, as nf_tables wants them.
  void Attribute(uint16_t type, const void* data, size_t length);
  void Text(uint16_t type, const char* text);
  void Number32(uint16_t type, uint32_t value);
  void Number64(uint16_t type, uint64_t value);
  /// Begins an attribute of attributes; returns what `Close` takes.
  size_t Open(uint16_t type);
  void Close(size_t opened);
  const uint8_t* data() const { return bytes_; }
  size_t size() const { return used_; }

 private:
  uint8_t* Room(size_t length);
  void Seal();
  alignas(8) uint8_t bytes_[16384];
  size_t used_ = 0;
  size_t message_ = 0;
};

/// A netlink socket of one protocol.
class Netlink {
 public:
  /// False with errno where the kernel has no such protocol.
  bool Connect(int protocol);
  ~Netlink();
  /// Sends messages that all bear `seq`, the last of which asks for an acknowledgement or a dump, and waits for its end. Returns
  /// 0, or the first errno that any of them met. `found`, where given, is called with each message that is no acknowledgement.
  int Ask(const Messages& messages, uint32_t seq, void (*found)(void*, const nlmsghdr*) = nullptr, void* context = nullptr);
  uint32_t NextSeq() { return ++seq_; }

 private:
  int fd_ = -1;
  uint32_t seq_ = 0;
};

}  // namespace gate
