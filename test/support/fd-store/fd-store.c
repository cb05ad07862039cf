// What systemd does for a service with Restart=always and a file descriptor store, and no more, for machines without it:
// `fd-store SOCKET RESTART_MS PROGRAM ARGUMENT…` runs the program again and again, keeps the descriptors that it sends to
// SOCKET (sd_notify(3): FDSTORE=1, FDSTOREREMOVE=1, BARRIER=1, FDNAME=) and hands them to its next life (sd_listen_fds(3)).
// Each life is one line on standard output. SIGTERM ends both, the program by SIGTERM too.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KEPT_MAX = 16 };
static struct {
  int fd;
  char name[64];
} kept[KEPT_MAX];
static int count;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void drop(const char *name) {
  int left = 0;
  for (int i = 0; i < count; i++) {
    if (strcmp(kept[i].name, name) == 0) close(kept[i].fd);
    else kept[left++] = kept[i];
  }
  count = left;
}

static void take_message(int socket) {
  char text[4096] = {0}, control[CMSG_SPACE(sizeof(int))] = {0}, name[64] = "stored";
  struct iovec part = {text, sizeof text - 1};
  struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  if (recvmsg(socket, &header, MSG_CMSG_CLOEXEC) < 0) return;
  int fd = -1, store = 0, unstore = 0;
  struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
  if (rights && rights->cmsg_type == SCM_RIGHTS) memcpy(&fd, CMSG_DATA(rights), sizeof fd);
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    if (strcmp(line, "FDSTORE=1") == 0) store = 1;
    if (strcmp(line, "FDSTOREREMOVE=1") == 0) unstore = 1;
    if (strncmp(line, "FDNAME=", 7) == 0) snprintf(name, sizeof name, "%s", line + 7);
  }
  if (unstore) drop(name);
  if (store && fd >= 0 && count < KEPT_MAX) {
    kept[count].fd = fd;
    snprintf(kept[count++].name, sizeof name, "%s", name);
    return;
  }
  // A barrier is this: its end is closed, and whoever waits for that has been heard.
  if (fd >= 0) close(fd);
}

static pid_t start(const char *socket, char **program, int life) {
  const pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid > 0) {
    printf("{\"life\":%d,\"pid\":%d,\"kept\":[", life, pid);
    for (int i = 0; i < count; i++) printf("%s\"%s\"", i ? "," : "", kept[i].name);
    printf("]}\n");
    fflush(stdout);
    return pid;
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  char names[KEPT_MAX * 65] = "", number[16];
  int high[KEPT_MAX];
  for (int i = 0; i < count; i++) high[i] = fcntl(kept[i].fd, F_DUPFD, 100);
  for (int i = 0; i < count; i++) {
    if (dup2(high[i], 3 + i) < 0) fail("dup2");
    close(high[i]);
    if (i) strcat(names, ":");
    strcat(names, kept[i].name);
  }
  snprintf(number, sizeof number, "%d", count);
  setenv("LISTEN_FDS", number, 1);
  snprintf(number, sizeof number, "%d", getpid());
  setenv("LISTEN_PID", number, 1);
  setenv("LISTEN_FDNAMES", names, 1);
  setenv("NOTIFY_SOCKET", socket, 1);
  execvp(program[0], program);
  fail(program[0]);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  const int restart_ms = atoi(argv[2]);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", argv[1]);
  unlink(argv[1]);
  const int socket_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket_fd < 0 || bind(socket_fd, (struct sockaddr *)&address, sizeof address) < 0) fail(argv[1]);
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGCHLD);
  sigaddset(&watched, SIGTERM);
  sigprocmask(SIG_BLOCK, &watched, NULL);
  const int signals = signalfd(-1, &watched, SFD_CLOEXEC);
  int life = 1, stopping = 0;
  pid_t pid = start(argv[1], argv + 3, life);
  for (;;) {
    struct pollfd waiting[2] = {{socket_fd, POLLIN, 0}, {signals, POLLIN, 0}};
    // A life that has ended is followed by the next after the pause; messages are taken in meanwhile.
    const int woken = poll(waiting, 2, pid == 0 ? restart_ms : -1);
    if (woken < 0 && errno != EINTR) fail("poll");
    if (woken == 0) pid = start(argv[1], argv + 3, ++life);
    if (woken > 0 && waiting[0].revents) take_message(socket_fd);
    if (woken > 0 && waiting[1].revents) {
      struct signalfd_siginfo info;
      if (read(signals, &info, sizeof info) < 0) fail("signalfd");
      if (info.ssi_signo == SIGTERM) {
        stopping = 1;
        if (pid > 0) kill(pid, SIGTERM);
      }
      if (pid > 0 && waitpid(pid, NULL, WNOHANG) == pid) pid = 0;
      if (stopping && pid == 0) return 0;
    }
  }
}
