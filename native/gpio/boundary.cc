#include "boundary.h"

#include <fcntl.h>
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

/// A descriptor on its way into a Line.
struct Opened {
  int descriptor;
  gpio::Source source;
};

/// A thread that tells a function what it sees, level by level, until it is stopped or fails. `Next` is called on the thread.
class Watcher {
 public:
  template <typename Next>
  bool Start(Napi::Env env, Napi::Function callback, const char* name, Next next, gpio::Failure* failure) {
    stop_ = eventfd(0, EFD_CLOEXEC);
    if (stop_ < 0) {
      *failure = {errno, "wait"};
      return false;
    }
    auto told = Napi::ThreadSafeFunction::New(env, callback, name, 0, 1);
    // An open line alone is no reason for the process to live on.
    told.Unref(env);
    thread_ = std::thread([stop = stop_, told, next]() mutable {
      for (;;) {
        gpio::Failure seen;
        const int level = next(stop, &seen);
        if (level == -2) break;
        told.NonBlockingCall([level, seen](Napi::Env callEnv, Napi::Function function) {
          const Napi::Value error = seen ? Napi::Value(ErrorOf(callEnv, seen).Value()) : callEnv.Null();
          function.Call({error, Napi::Number::New(callEnv, level == 1 ? 1 : 0)});
        });
        if (seen) break;
      }
      told.Release();
    });
    return true;
  }

  bool started() const { return thread_.joinable(); }

  void Stop() {
    if (thread_.joinable()) {
      const uint64_t one = 1;
      while (write(stop_, &one, sizeof one) < 0 && errno == EINTR) {
      }
      thread_.join();
    }
    if (stop_ >= 0) close(stop_);
    stop_ = -1;
  }

 private:
  int stop_ = -1;
  std::thread thread_;
};

/// One line. Edges are waited for, and levels looked at, on threads of their own, so that the event loop is woken only by
/// what matters and its pool stays free.
class Line : public Napi::ObjectWrap<Line> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "GpioLine",
                       {InstanceMethod<&Line::Read>("read"), InstanceMethod<&Line::Write>("write"),
                        InstanceMethod<&Line::Watch>("watch"), InstanceMethod<&Line::LookEvery>("lookEvery"),
                        InstanceMethod<&Line::EdgeWaits>("edgeWaits"),
                        InstanceMethod<&Line::TakeEdge>("takeEdge"),
                        InstanceMethod<&Line::Descriptor>("descriptor"),
                        InstanceMethod<&Line::Close>("close")});
  }

  explicit Line(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Line>(info) {
    if (info.Length() == 1 && info[0].IsExternal()) opened_ = *info[0].As<Napi::External<Opened>>().Data();
    else Wrong(info.Env(), "a line is made by gpioInput, gpioOutput or gpioValueFile");
  }

  ~Line() override { Release(); }

 private:
  Napi::Value Read(const Napi::CallbackInfo& info) {
    gpio::Failure failure;
    const int level = gpio::ReadLevel(opened_.descriptor, opened_.source, &failure);
    if (failure) return Throw(info.Env(), failure);
    return Napi::Number::New(info.Env(), level);
  }

  Napi::Value Write(const Napi::CallbackInfo& info) {
    if (info.Length() < 1 || !info[0].IsNumber()) return Wrong(info.Env(), "write(level)");
    gpio::Failure failure;
    gpio::WriteLevel(opened_.descriptor, info[0].As<Napi::Number>().Int32Value(), &failure);
    if (failure) return Throw(info.Env(), failure);
    return info.Env().Undefined();
  }

  Napi::Value Watch(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 1 || !info[0].IsFunction()) return Wrong(env, "watch(callback)");
    if (!IsOpen() || opened_.source != gpio::Source::kRequest || edges_.started())
      return Wrong(env, "the line is closed, watched already, or one of sysfs");
    gpio::Failure failure;
    watch_ = gpio::WatchEdges(opened_.descriptor, &failure);
    if (failure) return Throw(env, failure);
    const auto next = [watch = watch_](int stop, gpio::Failure* seen) { return gpio::NextEdge(watch, stop, seen); };
    if (!edges_.Start(env, info[0].As<Napi::Function>(), "gpio edges", next, &failure)) return Throw(env, failure);
    return env.Undefined();
  }

  Napi::Value LookEvery(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (info.Length() < 2 || !info[0].IsNumber() || !info[1].IsFunction())
      return Wrong(env, "lookEvery(periodMs, callback)");
    const int period_ms = info[0].As<Napi::Number>().Int32Value();
    if (period_ms < 1) return Wrong(env, "a look takes place every millisecond at most");
    if (!IsOpen() || looks_.started()) return Wrong(env, "the line is closed or looked at already");
    gpio::Failure failure;
    // The first look is always told, so that no change since the line was opened is missed.
    const auto next = [opened = opened_, period_ms, last = -3](int stop, gpio::Failure* seen) mutable {
      return last = gpio::NextLevel(opened.descriptor, opened.source, last, period_ms, stop, seen);
    };
    if (!looks_.Start(env, info[1].As<Napi::Function>(), "gpio looks", next, &failure)) return Throw(env, failure);
    return env.Undefined();
  }

  Napi::Value EdgeWaits(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), IsOpen() && gpio::EdgeWaits(opened_.descriptor, opened_.source));
  }

  Napi::Value TakeEdge(const Napi::CallbackInfo& info) {
    if (IsOpen()) gpio::TakeEdge(opened_.descriptor, opened_.source);
    return info.Env().Undefined();
  }

  Napi::Value Descriptor(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), opened_.descriptor);
  }

  Napi::Value Close(const Napi::CallbackInfo& info) {
    Release();
    return info.Env().Undefined();
  }

  bool IsOpen() const { return opened_.descriptor >= 0; }

  void Release() {
    edges_.Stop();
    looks_.Stop();
    if (watch_ >= 0) close(watch_);
    watch_ = -1;
    if (IsOpen()) close(opened_.descriptor);
    opened_.descriptor = -1;
  }

  Opened opened_{-1, gpio::Source::kRequest};
  int watch_ = -1;
  Watcher edges_;
  Watcher looks_;
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

Napi::Value Wrapped(const Napi::CallbackInfo& info, Opened opened, const gpio::Failure& failure) {
  if (failure) return Throw(info.Env(), failure);
  auto* constructor = static_cast<Napi::FunctionReference*>(info.Data());
  return constructor->New({Napi::External<Opened>::New(info.Env(), &opened)});
}

/// A sysfs line's `value` file: its level can be read and looked at; what else it is, is for whoever exported it.
Napi::Value ValueFile(const Napi::CallbackInfo& info) {
  if (info.Length() < 1 || !info[0].IsString()) return Wrong(info.Env(), "gpioValueFile(path)");
  const std::string path = info[0].As<Napi::String>();
  gpio::Failure failure;
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) failure = {errno, "open"};
  return Wrapped(info, {file, gpio::Source::kValueFile}, failure);
}

Napi::Value Input(const Napi::CallbackInfo& info) {
  if (info.Length() < 4 || !info[0].IsString() || !info[1].IsNumber() || !info[2].IsString() || !info[3].IsNumber())
    return Wrong(info.Env(), "gpioInput(path, offset, bias, debounceUs)");
  const auto bias = BiasOf(info[2].As<Napi::String>());
  if (!bias) return Wrong(info.Env(), "bias is as-is, pull-up, pull-down or disabled");
  gpio::Failure failure;
  const int request = gpio::RequestInput(info[0].As<Napi::String>(), info[1].As<Napi::Number>().Uint32Value(), *bias,
                                         info[3].As<Napi::Number>().Uint32Value(), &failure);
  return Wrapped(info, {request, gpio::Source::kRequest}, failure);
}

/// Closes what is of no use.
Napi::Value Refused(const Napi::CallbackInfo& info, int descriptor) {
  close(descriptor);
  return info.Env().Null();
}

Napi::Value AdoptInput(const Napi::CallbackInfo& info) {
  const auto bias = info.Length() >= 5 && info[3].IsString() ? BiasOf(info[3].As<Napi::String>()) : std::nullopt;
  if (!bias || !info[0].IsNumber() || !info[1].IsString() || !info[2].IsNumber() || !info[4].IsNumber())
    return Wrong(info.Env(), "gpioAdoptInput(descriptor, path, offset, bias, debounceUs)");
  const int descriptor = info[0].As<Napi::Number>().Int32Value();
  if (!gpio::IsRequestOf(descriptor, info[1].As<Napi::String>(), info[2].As<Napi::Number>().Uint32Value()))
    return Refused(info, descriptor);
  gpio::Failure failure;
  gpio::Reconfigure(descriptor, *bias, info[4].As<Napi::Number>().Uint32Value(), &failure);
  // Edges that wait in it count, whatever it is configured to.
  if (failure && !gpio::EdgeWaits(descriptor, gpio::Source::kRequest)) return Refused(info, descriptor);
  return Wrapped(info, {descriptor, gpio::Source::kRequest}, {});
}

Napi::Value AdoptValueFile(const Napi::CallbackInfo& info) {
  if (info.Length() < 2 || !info[0].IsNumber() || !info[1].IsString())
    return Wrong(info.Env(), "gpioAdoptValueFile(descriptor, path)");
  const int descriptor = info[0].As<Napi::Number>().Int32Value();
  if (!gpio::IsValueFile(descriptor, info[1].As<Napi::String>())) return Refused(info, descriptor);
  return Wrapped(info, {descriptor, gpio::Source::kValueFile}, {});
}

Napi::Value Output(const Napi::CallbackInfo& info) {
  if (info.Length() < 2 || !info[0].IsString() || !info[1].IsNumber())
    return Wrong(info.Env(), "gpioOutput(path, offset)");
  gpio::Failure failure;
  const int request =
      gpio::RequestOutput(info[0].As<Napi::String>(), info[1].As<Napi::Number>().Uint32Value(), &failure);
  return Wrapped(info, {request, gpio::Source::kRequest}, failure);
}

}  // namespace

void RegisterGpio(Napi::Env env, Napi::Object exports) {
  // One an environment, and freed with it: a worker thread loads the addon again.
  auto* line = new Napi::FunctionReference(Napi::Persistent(Line::Define(env)));
  env.AddCleanupHook([line] { delete line; });
  exports.Set("gpioChips", Napi::Function::New(env, Chips, "gpioChips"));
  exports.Set("gpioLineNames", Napi::Function::New(env, Names, "gpioLineNames"));
  exports.Set("gpioInput", Napi::Function::New(env, Input, "gpioInput", line));
  exports.Set("gpioAdoptInput", Napi::Function::New(env, AdoptInput, "gpioAdoptInput", line));
  exports.Set("gpioAdoptValueFile", Napi::Function::New(env, AdoptValueFile, "gpioAdoptValueFile", line));
  exports.Set("gpioOutput", Napi::Function::New(env, Output, "gpioOutput", line));
  exports.Set("gpioValueFile", Napi::Function::New(env, ValueFile, "gpioValueFile", line));
}
