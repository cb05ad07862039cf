#include "line.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/gpio.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace gpio {
namespace {

constexpr char kConsumer[] = "redbutton";

void Fail(Failure* failure, const char* doing) {
  failure->code = errno;
  failure->doing = doing;
}

int Ioctl(int fd, unsigned long request, void* argument) {
  int result;
  do result = ioctl(fd, request, argument);
  while (result < 0 && errno == EINTR);
  return result;
}

int OpenChip(const std::string& path, Failure* failure) {
  const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) Fail(failure, "open");
  return fd;
}

/// The kernel's fixed-size names need not end in a zero.
template <size_t N>
std::string Text(const char (&field)[N]) {
  return std::string(field, strnlen(field, N));
}

int Request(const std::string& chip_path, uint32_t offset, const gpio_v2_line_config& config, Failure* failure) {
  const int chip = OpenChip(chip_path, failure);
  if (chip < 0) return -1;
  gpio_v2_line_request request{};
  request.offsets[0] = offset;
  request.num_lines = 1;
  request.config = config;
  std::memcpy(request.consumer, kConsumer, sizeof kConsumer);
  const int result = Ioctl(chip, GPIO_V2_GET_LINE_IOCTL, &request);
  if (result < 0) Fail(failure, "request");
  close(chip);
  return result < 0 ? -1 : request.fd;
}

uint64_t FlagOf(Bias bias) {
  switch (bias) {
    case Bias::kPullUp: return GPIO_V2_LINE_FLAG_BIAS_PULL_UP;
    case Bias::kPullDown: return GPIO_V2_LINE_FLAG_BIAS_PULL_DOWN;
    case Bias::kDisabled: return GPIO_V2_LINE_FLAG_BIAS_DISABLED;
    case Bias::kAsIs: break;
  }
  return 0;
}

gpio_v2_line_config InputConfig(Bias bias, uint32_t debounce_us) {
  gpio_v2_line_config config{};
  config.flags =
      GPIO_V2_LINE_FLAG_INPUT | GPIO_V2_LINE_FLAG_EDGE_RISING | GPIO_V2_LINE_FLAG_EDGE_FALLING | FlagOf(bias);
  if (debounce_us > 0) {
    config.num_attrs = 1;
    config.attrs[0].mask = 1;
    config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_DEBOUNCE;
    config.attrs[0].attr.debounce_period_us = debounce_us;
  }
  return config;
}

/// What an open descriptor is, as the kernel names it.
std::string LinkOf(const std::string& number) {
  char target[4096];
  const ssize_t length = readlink(("/proc/self/fd/" + number).c_str(), target, sizeof target);
  return length < 0 ? "" : std::string(target, static_cast<size_t>(length));
}

}  // namespace

std::vector<Chip> ListChips(Failure* failure) {
  std::vector<Chip> chips;
  DIR* dir = opendir("/dev");
  if (dir == nullptr) {
    Fail(failure, "open");
    return chips;
  }
  Failure first;
  while (const dirent* entry = readdir(dir)) {
    if (std::strncmp(entry->d_name, "gpiochip", 8) != 0) continue;
    const std::string path = std::string("/dev/") + entry->d_name;
    Failure mine;
    const int fd = OpenChip(path, &mine);
    gpiochip_info info{};
    if (fd >= 0 && Ioctl(fd, GPIO_GET_CHIPINFO_IOCTL, &info) < 0) Fail(&mine, "ask");
    if (fd >= 0) close(fd);
    if (!mine) chips.push_back({path, Text(info.label), info.lines});
    else if (!first) first = mine;
  }
  closedir(dir);
  if (chips.empty()) *failure = first;
  std::sort(chips.begin(), chips.end(), [](const Chip& a, const Chip& b) { return a.path < b.path; });
  return chips;
}

std::vector<std::string> LineNames(const std::string& chip_path, Failure* failure) {
  std::vector<std::string> names;
  const int fd = OpenChip(chip_path, failure);
  if (fd < 0) return names;
  gpiochip_info chip{};
  if (Ioctl(fd, GPIO_GET_CHIPINFO_IOCTL, &chip) < 0) Fail(failure, "ask");
  for (uint32_t offset = 0; !*failure && offset < chip.lines; offset++) {
    gpio_v2_line_info info{};
    info.offset = offset;
    if (Ioctl(fd, GPIO_V2_GET_LINEINFO_IOCTL, &info) < 0) Fail(failure, "ask");
    names.push_back(Text(info.name));
  }
  close(fd);
  return names;
}

int RequestInput(const std::string& chip_path, uint32_t offset, Bias bias, uint32_t debounce_us, Failure* failure) {
  return Request(chip_path, offset, InputConfig(bias, debounce_us), failure);
}

int RequestOutput(const std::string& chip_path, uint32_t offset, Failure* failure) {
  gpio_v2_line_config config{};
  config.flags = GPIO_V2_LINE_FLAG_OUTPUT;
  config.num_attrs = 1;
  config.attrs[0].mask = 1;
  config.attrs[0].attr.id = GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES;
  config.attrs[0].attr.values = 0;
  return Request(chip_path, offset, config, failure);
}

int ReadLevel(int descriptor, Source source, Failure* failure) {
  if (source == Source::kValueFile) {
    char text = 0;
    const ssize_t length = pread(descriptor, &text, 1, 0);
    if (length == 1 && (text == '0' || text == '1')) return text - '0';
    if (length >= 0) errno = EIO;
    Fail(failure, "read");
    return -1;
  }
  gpio_v2_line_values values{};
  values.mask = 1;
  if (Ioctl(descriptor, GPIO_V2_LINE_GET_VALUES_IOCTL, &values) < 0) {
    Fail(failure, "read");
    return -1;
  }
  return static_cast<int>(values.bits & 1);
}

void WriteLevel(int request, int level, Failure* failure) {
  gpio_v2_line_values values{};
  values.mask = 1;
  values.bits = level == 0 ? 0 : 1;
  if (Ioctl(request, GPIO_V2_LINE_SET_VALUES_IOCTL, &values) < 0) Fail(failure, "write");
}

bool IsRequestOf(int descriptor, const std::string& chip_path, uint32_t offset) {
  const std::string number = std::to_string(descriptor);
  if (LinkOf(number) != "anon_inode:gpio-line") return false;
  // Kernels before 6.1 do not name a request's line: then nobody can tell what this is.
  std::ifstream info("/proc/self/fdinfo/" + number);
  std::string key, value, chip;
  std::vector<std::string> lines;
  for (std::string text; std::getline(info, text);) {
    std::istringstream words(text);
    words >> key >> value;
    if (key == "gpio-chip:") chip = value;
    if (key == "gpio-line:") lines.push_back(value);
  }
  Failure failure;
  return "/dev/" + chip == chip_path && lines == std::vector<std::string>{std::to_string(offset)} &&
         ReadLevel(descriptor, Source::kRequest, &failure) >= 0;
}

void Reconfigure(int request, Bias bias, uint32_t debounce_us, Failure* failure) {
  gpio_v2_line_config config = InputConfig(bias, debounce_us);
  if (Ioctl(request, GPIO_V2_LINE_SET_CONFIG_IOCTL, &config) < 0) Fail(failure, "configure");
}

bool IsValueFile(int descriptor, const std::string& path) {
  struct stat ours {}, there {};
  // Not by name: a file opened in another mount namespace, which each life of a service has, bears none here.
  return fstat(descriptor, &ours) == 0 && stat(path.c_str(), &there) == 0 && ours.st_dev == there.st_dev &&
         ours.st_ino == there.st_ino;
}

bool EdgeWaits(int descriptor, Source source) {
  const short sought = source == Source::kRequest ? POLLIN : POLLPRI;
  pollfd waiting{descriptor, sought, 0};
  return poll(&waiting, 1, 0) > 0 && (waiting.revents & sought) != 0;
}

void TakeEdge(int descriptor, Source source) {
  if (source == Source::kValueFile) {
    char text = 0;
    if (pread(descriptor, &text, 1, 0) < 0) return;
  } else if (EdgeWaits(descriptor, source)) {
    gpio_v2_line_event event{};
    if (read(descriptor, &event, sizeof event) < 0) return;
  }
}

int WatchEdges(int request, Failure* failure) {
  const int watch = epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLPRI | EPOLLET;
  if (watch >= 0 && epoll_ctl(watch, EPOLL_CTL_ADD, request, &event) == 0) return watch;
  Fail(failure, "watch");
  if (watch >= 0) close(watch);
  return -1;
}

int NextEdge(int watch, int stop, Failure* failure) {
  pollfd waiting[2] = {{watch, POLLIN, 0}, {stop, POLLIN, 0}};
  for (;;) {
    if (poll(waiting, 2, -1) < 0) {
      if (errno == EINTR) continue;
      Fail(failure, "wait");
      return -1;
    }
    if (waiting[1].revents != 0) return -2;
    epoll_event event{};
    const int woken = epoll_wait(watch, &event, 1, 0);
    if (woken < 0 && errno != EINTR) {
      Fail(failure, "wait");
      return -1;
    }
    if (woken <= 0) continue;
    // The kernel wakes us with EPOLLHUP or EPOLLERR when the chip goes away under the request.
    if ((event.events & (EPOLLERR | EPOLLHUP)) == 0) return 1;
    failure->code = ENODEV;
    failure->doing = "wait";
    return -1;
  }
}

int NextLevel(int descriptor, Source source, int last, int period_ms, int stop, Failure* failure) {
  pollfd waiting{stop, POLLIN, 0};
  for (;;) {
    const int woken = poll(&waiting, 1, period_ms);
    if (woken > 0) return -2;
    if (woken < 0 && errno != EINTR) {
      Fail(failure, "wait");
      return -1;
    }
    const int level = ReadLevel(descriptor, source, failure);
    if (level != last) return level;
  }
}

}  // namespace gpio
