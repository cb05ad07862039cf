// redbutton-gate: lets packets of create connections pass only while the guard's permit lives; see docs/architecture.md.
// It mirrors the permit file into a set of the packet filter, so it needs no word from guard or trader, and what it opens shuts
// by itself 500 ms after the last look.
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "gate.h"
#include "permit-file.h"

namespace {

/// A change is told of at once; the look in between covers what is not (a folder that was replaced, an expiry).
constexpr int kLookMs = 25;
constexpr double kBeatMs = 1000;
/// Listing all sockets walks the kernel's whole table of them.
constexpr int kBeatsToSweep = 10;
constexpr uint32_t kWatched = IN_MODIFY | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF |
                              IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW;

constexpr char kUsage[] =
    "usage: redbutton-gate [--permit-folder DIR] [--state-folder DIR] [--no-destroy]\n"
    "Lets packets of connections that may carry orders pass while the guard's permit lives.\n"
    "  --permit-folder DIR  where the permit is (/run/redbutton/guard)\n"
    "  --state-folder DIR   where `state` is written (/run/redbutton-gate)\n"
    "  --no-destroy         end no sockets, as on a kernel without INET_DIAG_DESTROY\n";

/// Its buffers are large.
gate::Gate the_gate;

/// Says a word to systemd; without it there is nobody to tell.
void Notify(const char* word) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
  sockaddr_un to = {};
  to.sun_family = AF_UNIX;
  const size_t length = std::strlen(path);
  if (length >= sizeof to.sun_path) return;
  std::memcpy(to.sun_path, path, length);
  if (path[0] == '@') to.sun_path[0] = '\0';
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  sendto(fd, word, std::strlen(word), MSG_NOSIGNAL | MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&to), size);
  close(fd);
}

/// One line, replaced by rename, so that a reader meets a whole one.
void WriteState(const char* folder, const gate::Gate& gate, double now_ms) {
  char path[512], part[520], text[640], failure[160] = "null";
  if (gate.doing() != nullptr)
    std::snprintf(failure, sizeof failure, "\"cannot %s: %s\"", gate.doing(), std::strerror(gate.failure()));
  const int length = std::snprintf(
      text, sizeof text,
      "{\"open\":%s,\"epoch\":%lld,\"firstPort\":%u,\"setTimeouts\":%s,\"socketDestroy\":%s,\"destroyed\":%u,\"waiting\":%u,"
      "\"failure\":%s,\"atMonotonicMs\":%.0f}\n",
      gate.open() ? "true" : "false", static_cast<long long>(gate.epoch()), gate.first(),
      gate.set_timeouts() ? "true" : "false", gate.can_destroy() ? "true" : "false", gate.destroyed(), gate.waiting(), failure,
      now_ms);
  std::snprintf(path, sizeof path, "%s/state", folder);
  std::snprintf(part, sizeof part, "%s.part", path);
  const int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const bool written = fd >= 0 && write(fd, text, static_cast<size_t>(length)) == length;
  if (fd >= 0) close(fd);
  if (written && rename(part, path) == 0) return;
  static bool told = false;
  if (!told) std::fprintf(stderr, "gate: cannot write %s: %s\n", path, std::strerror(errno));
  told = true;
}

void Tell(const gate::Gate& gate, bool was_open, int was_failure) {
  if (gate.open() && !was_open)
    std::fprintf(stderr, "gate: open for epoch %lld, ports %u to %u\n", static_cast<long long>(gate.epoch()), gate.first(),
                 gate.first() + gate::kBlockPorts - 1);
  if (!gate.open() && was_open) std::fprintf(stderr, "gate: shut; %u sockets destroyed so far\n", gate.destroyed());
  if (gate.failure() != was_failure)
    std::fprintf(stderr, "gate: cannot %s: %s\n", gate.doing(), std::strerror(gate.failure()));
}

}  // namespace

int main(int argc, char** argv) {
  const char* permit_folder = "/run/redbutton/guard";
  const char* state_folder = "/run/redbutton-gate";
  bool destroy = true;
  const option options[] = {{"permit-folder", required_argument, nullptr, 'p'},
                            {"state-folder", required_argument, nullptr, 's'},
                            {"no-destroy", no_argument, nullptr, 'd'},
                            {"help", no_argument, nullptr, 'h'},
                            {nullptr, 0, nullptr, 0}};
  for (int choice; (choice = getopt_long(argc, argv, "", options, nullptr)) != -1;) {
    switch (choice) {
      case 'p': permit_folder = optarg; break;
      case 's': state_folder = optarg; break;
      case 'd': destroy = false; break;
      case 'h': std::fputs(kUsage, stdout); return 0;
      default: std::fputs(kUsage, stderr); return 2;
    }
  }

  uint8_t boot_id[gate::kBootIdBytes];
  gate::Gate& gate = the_gate;
  const char* doing = "read the boot id";
  const int failure = gate::ReadBootId(boot_id) ? gate.Start(destroy, &doing) : EIO;
  if (failure != 0) {
    std::fprintf(stderr, "gate: cannot %s: %s. Orders are not held back by it; see redbutton doctor\n", doing,
                 std::strerror(failure));
    return 1;
  }
  std::fprintf(stderr, "gate: shut; set elements %s, sockets %s\n", gate.set_timeouts() ? "time out" : "DO NOT TIME OUT",
               gate.can_destroy() ? "can be destroyed" : "CANNOT BE DESTROYED");

  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  const int signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
  // Without it the looks alone remain.
  const int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  // What the press waits for must not wait for a page.
  mlockall(MCL_CURRENT | MCL_FUTURE);

  uint32_t shown = ~gate.changes();
  double beat_ms = 0;
  int beats = 0;
  bool ready = false;
  for (;;) {
    // Each time: it costs nothing where the folder is the same, and finds one that was replaced.
    if (watch >= 0) inotify_add_watch(watch, permit_folder, kWatched);
    const bool was_open = gate.open();
    const int was_failure = gate.failure();
    gate::Permit permit;
    const bool valid = gate::ReadPermit(permit_folder, boot_id, &permit);
    const double now_ms = gate::NowMs();
    gate.Look(valid ? &permit : nullptr, now_ms);
    if (now_ms - beat_ms >= kBeatMs) {
      beat_ms = now_ms;
      if (++beats % kBeatsToSweep == 0) gate.Sweep();
      if (!gate.Present()) {
        std::fputs("gate: its table is gone, so nothing is held back; starting again makes it\n", stderr);
        return 1;
      }
      Notify("WATCHDOG=1");
      shown = ~gate.changes();
    }
    if (shown != gate.changes()) {
      shown = gate.changes();
      Tell(gate, was_open, was_failure);
      WriteState(state_folder, gate, now_ms);
    }
    if (!ready) Notify("READY=1");
    ready = true;

    pollfd waits[] = {{signals, POLLIN, 0}, {watch, POLLIN, 0}};
    poll(waits, watch >= 0 ? 2 : 1, kLookMs);
    if ((waits[0].revents & POLLIN) != 0) break;
    char events[4096];
    while (watch >= 0 && read(watch, events, sizeof events) > 0) {
    }
  }
  gate.Shut();
  WriteState(state_folder, gate, gate::NowMs());
  std::fputs("gate: shut; ending\n", stderr);
  return 0;
}
