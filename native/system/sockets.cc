#include "sockets.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace {

Napi::Value Throw(Napi::Env env, const char* option, int code) {
  Napi::Error::New(env, std::string(option) + ": " + std::strerror(code)).ThrowAsJavaScriptException();
  return env.Undefined();
}

/// However this TCP socket is closed, by the process or by the kernel when the process is killed, it ends in a reset, and
/// what the kernel still holds of it to send is dropped. What the peer does not acknowledge within `ackMsMax` ends it, too.
Napi::Value ResetOnClose(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[0].IsNumber() || !info[1].IsNumber()) {
    Napi::TypeError::New(env, "resetOnClose(descriptor, ackMsMax)").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  const int fd = info[0].As<Napi::Number>().Int32Value();
  const linger none{1, 0};
  if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none) != 0) return Throw(env, "SO_LINGER", errno);
  const unsigned int ack_ms = info[1].As<Napi::Number>().Uint32Value();
  if (setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ack_ms, sizeof ack_ms) != 0)
    return Throw(env, "TCP_USER_TIMEOUT", errno);
  return env.Undefined();
}

}  // namespace

void RegisterSockets(Napi::Env env, Napi::Object exports) {
  exports.Set("resetOnClose", Napi::Function::New(env, ResetOnClose, "resetOnClose"));
}
