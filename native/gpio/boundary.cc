#include "boundary.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <thread>

#include "line.h"

namespace {

/// An Error that carries `errno`'s number and name of the act, for the adapter to put in words.
Napi::Error ErrorOf(Napi::Env env, const gpio::Failure& failure) {
  Napi::Error error = Napi::Error::New(env, failure.doing + ": " + std::strerror(failure.code));
  error.Set("errno", Napi::Number::New(env, failure.code));
  return error;
}

Napi::Value Throw(Napi::Env env, const gpio::Failure& failure) {
  ErrorOf(env, failure).ThrowAsJavaScriptException();
  return env.Undefined();
}

Napi::Value Wrong(Napi::Env env, const char* message) {
  Napi::TypeError::New(env, message).ThrowAsJavaScriptException();
  return env.Undefined();
}

/// One requested line. Edges are waited for on a thread of its own, so that the event loop's pool stays free.
class Line : public Napi::ObjectWrap<Line> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "GpioLine",
                       {InstanceMethod<&Line::Read>("read"), InstanceMethod<&Line::Write>("write"),
                        InstanceMethod<&Line::Watch>("watch"), InstanceMethod<&Line::Close>("close")});
  }

  explicit Line(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Line>(info) {
    if (info.Length() == 1 && info[0].IsExternal()) request_ = *info[0].As<Napi::External<int>>().Data();
    else Wrong(info.Env(), "a line is made by gpioInput or gpioOutput");
  }

  ~Line() override { Release(); }

 private:
  Napi::Value Read(const Napi::CallbackInfo& info) {
    gpio::Failure failure;
    const int level = gpio::ReadLevel(request_, &failure);
    if (failure) return Throw(info.Env(), failure);
    return Napi::Number::New(info.Env(), level);
  }

  Napi::Value Write(const Napi::CallbackInfo& info) {
    if (info.Length() < 1 || !info[0].IsNumber()) return Wrong(info.Env(), "write(level)");
    gpio::Failure failure;
    gpio::WriteLevel(request_, info[0].As<Napi::Number>().Int32Value(), &failure);
    if (failure) return Throw(info.Env(), failure);
    return info.Env().Undefined();
  }

  Napi::Value Watch(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 1 || !info[0].IsFunction()) return Wrong(env, "watch(callback)");
    if (request_ < 0 || thread_.joinable()) return Wrong(env, "the line is closed or watched already");
    gpio::DrainEdges(request_);
    stop_ = eventfd(0, EFD_CLOEXEC);
    if (stop_ < 0) return Throw(env, {errno, "wait"});
    edges_ = Napi::ThreadSafeFunction::New(env, info[0].As<Napi::Function>(), "gpio edges", 0, 1);
    // An open line alone is no reason for the process to live on.
    edges_.Unref(env);
    thread_ = std::thread([request = request_, stop = stop_, edges = edges_]() mutable {
      for (;;) {
        gpio::Failure failure;
        const int level = gpio::NextEdge(request, stop, &failure);
        if (level == -2) break;
        edges.NonBlockingCall([level, failure](Napi::Env callEnv, Napi::Function callback) {
          const Napi::Value error = failure ? Napi::Value(ErrorOf(callEnv, failure).Value()) : callEnv.Null();
          callback.Call({error, Napi::Number::New(callEnv, level == 1 ? 1 : 0)});
        });
        if (failure) break;
      }
      edges.Release();
    });
    return env.Undefined();
  }

  Napi::Value Close(const Napi::CallbackInfo& info) {
    Release();
    return info.Env().Undefined();
  }

  void Release() {
    if (thread_.joinable()) {
      const uint64_t one = 1;
      while (write(stop_, &one, sizeof one) < 0 && errno == EINTR) {
      }
      thread_.join();
    }
    if (stop_ >= 0) close(stop_);
    if (request_ >= 0) close(request_);
    stop_ = request_ = -1;
  }

  int request_ = -1;
  int stop_ = -1;
  std::thread thread_;
  Napi::ThreadSafeFunction edges_;
};

Napi::Value Chips(const Napi::CallbackInfo& info) {
  gpio::Failure failure;
  const auto chips = gpio::ListChips(&failure);
  if (failure) return Throw(info.Env(), failure);
  Napi::Array list = Napi::Array::New(info.Env());
  for (const auto& chip : chips) {
    Napi::Object entry = Napi::Object::New(info.Env());
    entry.Set("path", chip.path);
    entry.Set("label", chip.label);
    entry.Set("lines", chip.lines);
    list.Set(list.Length(), entry);
  }
  return list;
}

Napi::Value Names(const Napi::CallbackInfo& info) {
  if (info.Length() < 1 || !info[0].IsString()) return Wrong(info.Env(), "gpioLineNames(path)");
  gpio::Failure failure;
  const auto names = gpio::LineNames(info[0].As<Napi::String>(), &failure);
  if (failure) return Throw(info.Env(), failure);
  Napi::Array list = Napi::Array::New(info.Env());
  for (const auto& name : names) list.Set(list.Length(), Napi::String::New(info.Env(), name));
  return list;
}

std::optional<gpio::Bias> BiasOf(const std::string& name) {
  if (name == "as-is") return gpio::Bias::kAsIs;
  if (name == "pull-up") return gpio::Bias::kPullUp;
  if (name == "pull-down") return gpio::Bias::kPullDown;
  if (name == "disabled") return gpio::Bias::kDisabled;
  return std::nullopt;
}

Napi::Value Wrapped(const Napi::CallbackInfo& info, int request, const gpio::Failure& failure) {
  if (failure) return Throw(info.Env(), failure);
  auto* constructor = static_cast<Napi::FunctionReference*>(info.Data());
  return constructor->New({Napi::External<int>::New(info.Env(), &request)});
}

Napi::Value Input(const Napi::CallbackInfo& info) {
  if (info.Length() < 4 || !info[0].IsString() || !info[1].IsNumber() || !info[2].IsString() || !info[3].IsNumber())
    return Wrong(info.Env(), "gpioInput(path, offset, bias, debounceUs)");
  const auto bias = BiasOf(info[2].As<Napi::String>());
  if (!bias) return Wrong(info.Env(), "bias is as-is, pull-up, pull-down or disabled");
  gpio::Failure failure;
  const int request = gpio::RequestInput(info[0].As<Napi::String>(), info[1].As<Napi::Number>().Uint32Value(), *bias,
                                         info[3].As<Napi::Number>().Uint32Value(), &failure);
  return Wrapped(info, request, failure);
}

Napi::Value Output(const Napi::CallbackInfo& info) {
  if (info.Length() < 2 || !info[0].IsString() || !info[1].IsNumber())
    return Wrong(info.Env(), "gpioOutput(path, offset)");
  gpio::Failure failure;
  const int request =
      gpio::RequestOutput(info[0].As<Napi::String>(), info[1].As<Napi::Number>().Uint32Value(), &failure);
  return Wrapped(info, request, failure);
}

}  // namespace

void RegisterGpio(Napi::Env env, Napi::Object exports) {
  // One an environment, and freed with it: a worker thread loads the addon anew.
  auto* line = new Napi::FunctionReference(Napi::Persistent(Line::Define(env)));
  env.AddCleanupHook([line] { delete line; });
  exports.Set("gpioChips", Napi::Function::New(env, Chips, "gpioChips"));
  exports.Set("gpioLineNames", Napi::Function::New(env, Names, "gpioLineNames"));
  exports.Set("gpioInput", Napi::Function::New(env, Input, "gpioInput", line));
  exports.Set("gpioOutput", Napi::Function::New(env, Output, "gpioOutput", line));
}
