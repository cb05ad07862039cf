#include "boundary.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>

namespace {

Napi::Value Throw(Napi::Env env, const char* doing, int code) {
  Napi::Error error = Napi::Error::New(env, std::string(doing) + ": " + std::strerror(code));
  error.Set("errno", Napi::Number::New(env, code));
  error.ThrowAsJavaScriptException();
  return env.Undefined();
}

Napi::Value Wrong(Napi::Env env, const char* message) {
  Napi::TypeError::New(env, message).ThrowAsJavaScriptException();
  return env.Undefined();
}

/// sd_notify(3): one datagram to the socket that systemd names, `descriptor` with it unless that is −1; '@' stands for the
/// abstract namespace's zero. Returns 0 or an errno.
int Send(const std::string& path, std::string message, int descriptor) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return EINVAL;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path[0] == '@') address.sun_path[0] = '\0';
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return errno;
  iovec text{message.data(), message.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof descriptor)] = {};
  msghdr header{};
  header.msg_name = &address;
  header.msg_namelen = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  header.msg_iov = &text;
  header.msg_iovlen = 1;
  if (descriptor >= 0) {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* const rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
  }
  const int code = sendmsg(fd, &header, MSG_NOSIGNAL) < 0 ? errno : 0;
  close(fd);
  return code;
}

Napi::Value Notify(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[0].IsString() || !info[1].IsString())
    return Wrong(env, "sdNotify(socket, message, descriptor?)");
  const int descriptor = info.Length() > 2 && info[2].IsNumber() ? info[2].As<Napi::Number>().Int32Value() : -1;
  const int code = Send(info[0].As<Napi::String>(), info[1].As<Napi::String>(), descriptor);
  if (code != 0) return Throw(env, "notify", code);
  return env.Undefined();
}

/// sd_notify_barrier(3): systemd closes the end it is sent once all before it has been taken in, which hangs up ours.
Napi::Value Barrier(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[0].IsString() || !info[1].IsNumber()) return Wrong(env, "sdBarrier(socket, ms)");
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return Throw(env, "pipe", errno);
  int code = Send(info[0].As<Napi::String>(), "BARRIER=1", ends[1]);
  close(ends[1]);
  pollfd hung_up{ends[0], 0, 0};
  if (code == 0 && poll(&hung_up, 1, info[1].As<Napi::Number>().Int32Value()) <= 0) code = ETIMEDOUT;
  close(ends[0]);
  if (code != 0) return Throw(env, "barrier", code);
  return env.Undefined();
}

/// A descriptor that came from outside is not to be inherited by what we start.
Napi::Value CloseOnExec(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 1 || !info[0].IsNumber()) return Wrong(env, "closeOnExec(descriptor)");
  if (fcntl(info[0].As<Napi::Number>().Int32Value(), F_SETFD, FD_CLOEXEC) < 0) return Throw(env, "fcntl", errno);
  return env.Undefined();
}

/// Takes flock(2)'s exclusive lock on an open descriptor without waiting: true, or false when another process has it.
Napi::Value Lock(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 1 || !info[0].IsNumber()) return Wrong(env, "lockFile(descriptor)");
  int result;
  do result = flock(info[0].As<Napi::Number>().Int32Value(), LOCK_EX | LOCK_NB);
  while (result < 0 && errno == EINTR);
  if (result < 0 && errno != EWOULDBLOCK) return Throw(env, "lock", errno);
  return Napi::Boolean::New(env, result == 0);
}

/// Who stands at the other end of a connected unix socket, by the kernel's word (SO_PEERCRED, unix(7)): the process that
/// connected, and its user and group at that moment.
Napi::Value PeerCredentials(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 1 || !info[0].IsNumber()) return Wrong(env, "peerCredentials(descriptor)");
  ucred peer{};
  socklen_t length = sizeof peer;
  if (getsockopt(info[0].As<Napi::Number>().Int32Value(), SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
    return Throw(env, "peer credentials", errno);
  const Napi::Object answer = Napi::Object::New(env);
  answer.Set("pid", Napi::Number::New(env, peer.pid));
  answer.Set("uid", Napi::Number::New(env, peer.uid));
  answer.Set("gid", Napi::Number::New(env, peer.gid));
  return answer;
}

/// Gives every thread of this process SCHED_IDLE (sched(7)) and the disk's idle class (ioprio_set(2)): whatever else wakes
/// runs at once, where the least nice process would first be let finish its slice. Threads made later inherit both.
Napi::Value RunWhenIdle(const Napi::CallbackInfo& info) {
  constexpr int kIoprioWhoProcess = 1;
  constexpr int kIoprioIdle = 3 << 13;
  const Napi::Env env = info.Env();
  DIR* const tasks = opendir("/proc/self/task");
  if (tasks == nullptr) return Throw(env, "/proc/self/task", errno);
  const char* doing = nullptr;
  int code = 0;
  const sched_param none{};
  while (const dirent* entry = readdir(tasks)) {
    const pid_t thread = static_cast<pid_t>(std::atoi(entry->d_name));
    if (thread <= 0) continue;
    // ESRCH: the thread ended since it was listed.
    if (sched_setscheduler(thread, SCHED_IDLE, &none) != 0 && errno != ESRCH) {
      doing = "sched_setscheduler";
      code = errno;
    }
    if (syscall(SYS_ioprio_set, kIoprioWhoProcess, thread, kIoprioIdle) != 0 && errno != ESRCH) {
      doing = "ioprio_set";
      code = errno;
    }
  }
  closedir(tasks);
  if (doing != nullptr) return Throw(env, doing, code);
  return env.Undefined();
}

/// Holds the allocator to giving back: blocks from 128 kB on are mapped one by one and unmapped when freed, where glibc
/// would raise that limit with the first one freed and keep those that follow in its heaps; and threads share two heaps.
Napi::Value GiveBackLargeBlocks(const Napi::CallbackInfo& info) {
#ifdef __GLIBC__
  constexpr int kMappedFromBytes = 128 * 1024;
  constexpr int kHeaps = 2;
  if (mallopt(M_MMAP_THRESHOLD, kMappedFromBytes) != 1 || mallopt(M_ARENA_MAX, kHeaps) != 1)
    return Throw(info.Env(), "mallopt", EINVAL);
#endif
  return info.Env().Undefined();
}

/// Gives pages of the heaps in which nothing is left back to the system; 0.1 to 3 ms for the trader.
Napi::Value GiveBackFreePages(const Napi::CallbackInfo& info) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  return info.Env().Undefined();
}

/// When and how the process is to end. Never destroyed: its thread outlives the end of everything else.
struct Ending {
  std::mutex mutex;
  std::condition_variable changed;
  std::chrono::steady_clock::time_point at;
  int code = 0;
  std::string sentence;
  bool running = false;
};

Ending& TheEnding() {
  static Ending* const ending = new Ending;
  return *ending;
}

void WaitForTheEnd() {
  Ending& ending = TheEnding();
  std::unique_lock<std::mutex> lock(ending.mutex);
  while (std::chrono::steady_clock::now() < ending.at) ending.changed.wait_until(lock, ending.at);
  if (write(STDERR_FILENO, ending.sentence.data(), ending.sentence.size()) < 0) {
  }
  // Not exit(3): that waits for threads that may hang on a disk.
  _exit(ending.code);
}

/// Ends the process once `ms` have passed, whatever the event loop and the pool's threads do then. The last call counts.
Napi::Value EndProcessAfter(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 3 || !info[0].IsNumber() || !info[1].IsNumber() || !info[2].IsString())
    return Wrong(env, "endProcessAfter(ms, code, sentence)");
  Ending& ending = TheEnding();
  const std::lock_guard<std::mutex> lock(ending.mutex);
  ending.at = std::chrono::steady_clock::now() + std::chrono::milliseconds(info[0].As<Napi::Number>().Int64Value());
  ending.code = info[1].As<Napi::Number>().Int32Value();
  ending.sentence = info[2].As<Napi::String>();
  if (!ending.running) std::thread(WaitForTheEnd).detach();
  ending.running = true;
  ending.changed.notify_all();
  return env.Undefined();
}

}  // namespace

void RegisterSystem(Napi::Env env, Napi::Object exports) {
  exports.Set("sdNotify", Napi::Function::New(env, Notify, "sdNotify"));
  exports.Set("peerCredentials", Napi::Function::New(env, PeerCredentials, "peerCredentials"));
  exports.Set("sdBarrier", Napi::Function::New(env, Barrier, "sdBarrier"));
  exports.Set("closeOnExec", Napi::Function::New(env, CloseOnExec, "closeOnExec"));
  exports.Set("runWhenIdle", Napi::Function::New(env, RunWhenIdle, "runWhenIdle"));
  exports.Set("giveBackLargeBlocks", Napi::Function::New(env, GiveBackLargeBlocks, "giveBackLargeBlocks"));
  exports.Set("giveBackFreePages", Napi::Function::New(env, GiveBackFreePages, "giveBackFreePages"));
  exports.Set("endProcessAfter", Napi::Function::New(env, EndProcessAfter, "endProcessAfter"));
  exports.Set("lockFile", Napi::Function::New(env, Lock, "lockFile"));
}
