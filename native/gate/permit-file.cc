#include "permit-file.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>

namespace gate {
namespace {

/// The guard overwrites the record with one pwrite, which takes less than a look: a few looks meet a whole one.
constexpr int kLooksMax = 5;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

double NowMs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

bool ReadPermit(const char* folder, const uint8_t* boot_id, Permit* permit) {
  const Descriptor dir(open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat dir_stat, file_stat;
  if (dir.get() < 0 || fstat(dir.get(), &dir_stat) != 0) return false;
  // Not blocking: somebody's fifo in its place must not hold the gate up.
  const Descriptor file(openat(dir.get(), "permit", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (file.get() < 0 || fstat(file.get(), &file_stat) != 0) return false;
  if (!S_ISREG(file_stat.st_mode) || file_stat.st_uid != dir_stat.st_uid) return false;
  if ((file_stat.st_mode & (S_IWGRP | S_IWOTH)) != 0) return false;
  for (int look = 0; look < kLooksMax; ++look) {
    uint8_t bytes[kPermitBytes + 1];
    const ssize_t length = pread(file.get(), bytes, sizeof bytes, 0);
    if (length < 0) return false;
    const Reading reading = DecodePermit(bytes, static_cast<size_t>(length), boot_id, NowMs(), permit);
    if (reading != Reading::kTorn) return reading == Reading::kValid;
    sched_yield();
  }
  return false;
}

bool ReadBootId(uint8_t* boot_id) {
  const Descriptor file(open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  char text[64];
  const ssize_t length = file.get() < 0 ? -1 : read(file.get(), text, sizeof text);
  return length > 0 && ParseBootId(text, static_cast<size_t>(length), boot_id);
}

}  // namespace gate
