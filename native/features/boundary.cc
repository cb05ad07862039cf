// Checks what comes from JavaScript and turns a status into an error; computes nothing. The TypeScript side of each
// signature stands in src/adapters/native/addon.ts.
#include "boundary.h"

#include <memory>
#include <string>

#include "feature-set.h"
#include "huge-pages.h"
#include "streams.h"

namespace {

using namespace redbutton::features;

struct NamedPath {
  Path path;
  const char* name;
};
constexpr NamedPath kPaths[] = {{Path::kAvx2, "avx2"}, {Path::kNeon, "neon"}, {Path::kScalar, "scalar"}};

void fail(Napi::Env env, const char* message) { Napi::TypeError::New(env, message).ThrowAsJavaScriptException(); }

/// Throws and returns false unless `status` is fine.
bool passed(Napi::Env env, Status status) {
  switch (status) {
    case Status::kOk:
      return true;
    case Status::kPathUnsupported:
      fail(env, "features: this machine does not run the path asked for");
      return false;
    case Status::kOverlap:
      fail(env, "features: input and output share memory");
      return false;
  }
  fail(env, "features: unknown status");
  return false;
}

bool doubles(const Napi::Value& value, Napi::Float64Array& out) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_float64_array) return false;
  out = value.As<Napi::Float64Array>();
  return true;
}

bool bytes(const Napi::Value& value, Napi::Uint8Array& out) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) return false;
  out = value.As<Napi::Uint8Array>();
  return true;
}

/// Reads close, volume, values, valid from four arguments on; throws and returns false when they do not fit each other.
bool columns(const Napi::CallbackInfo& info, size_t first, Candles& candles, Rows& rows) {
  Napi::Float64Array close, volume, values;
  Napi::Uint8Array valid;
  if (!doubles(info[first], close) || !doubles(info[first + 1], volume) || !doubles(info[first + 2], values) ||
      !bytes(info[first + 3], valid)) {
    fail(info.Env(), "features: close, volume and values must be Float64Array, valid must be Uint8Array");
    return false;
  }
  const size_t n = close.ElementLength();
  if (volume.ElementLength() != n || values.ElementLength() != n * kColumns || valid.ElementLength() != n) {
    fail(info.Env(), "features: volume and valid must be as long as close, values ten times as long");
    return false;
  }
  candles = {close.Data(), volume.Data(), n};
  rows = {values.Data(), n, valid.Data()};
  return true;
}

/// Path by name; the best one where the argument is undefined. Throws and returns false for any other value.
bool path_argument(const Napi::CallbackInfo& info, size_t index, Path& path) {
  path = best_path();
  if (info[index].IsUndefined()) return true;
  if (info[index].IsString()) {
    const std::string name = info[index].As<Napi::String>().Utf8Value();
    for (const NamedPath& candidate : kPaths) {
      if (name != candidate.name) continue;
      path = candidate.path;
      return path_supported(path) || passed(info.Env(), Status::kPathUnsupported);
    }
  }
  fail(info.Env(), "features: path must be avx2, neon or scalar");
  return false;
}

Napi::Value feature_width(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(kColumns));
}

Napi::Value feature_paths(const Napi::CallbackInfo& info) {
  Napi::Array names = Napi::Array::New(info.Env());
  for (const NamedPath& candidate : kPaths)
    if (path_supported(candidate.path)) names.Set(names.Length(), Napi::String::New(info.Env(), candidate.name));
  return names;
}

Napi::Value feature_batch(const Napi::CallbackInfo& info) {
  Candles candles;
  Rows rows;
  Path path;
  if (columns(info, 0, candles, rows) && path_argument(info, 4, path)) {
    advise_huge_pages(rows.values, candles.count * kColumns * sizeof(double));
    passed(info.Env(), compute(path, no_history(), candles, rows));
  }
  return info.Env().Undefined();
}

/// What the functions of one streams object share. It lives until the last of them is collected.
struct Shared {
  Shared(size_t symbols, Path path) : streams(symbols, path) {}
  FeatureStreams streams;
  /// Keeps `slots` in memory.
  Napi::Reference<Napi::Float64Array> cells;
  Slot* slots = nullptr;
  size_t capacity = 0;
};
using SharedPointer = std::shared_ptr<Shared>;

/// A whole number in [0, limit) from an argument; throws and returns false for anything else.
bool index_argument(const Napi::CallbackInfo& info, size_t index, size_t limit, size_t& out) {
  const double value = info[index].IsNumber() ? info[index].As<Napi::Number>().DoubleValue() : -1;
  if (value >= 0 && value < static_cast<double>(limit) && value == static_cast<double>(static_cast<size_t>(value))) {
    out = static_cast<size_t>(value);
    return true;
  }
  fail(info.Env(), "features: no such stream");
  return false;
}

// The one call on the live path, so it speaks to Node-API without the wrapper: its data pointer is all it needs.
napi_value push(napi_env env, napi_callback_info raw) {
  void* data = nullptr;
  size_t argc = 1;
  napi_value argument = nullptr;
  uint32_t count = 0;
  napi_get_cb_info(env, raw, &argc, &argument, nullptr, &data);
  Shared& shared = **static_cast<SharedPointer*>(data);
  if (napi_get_value_uint32(env, argument, &count) != napi_ok || count > shared.capacity ||
      !shared.streams.push(shared.slots, count))
    napi_throw_type_error(env, nullptr, "features: a slot names no stream, or there are more candles than slots");
  return nullptr;
}

Napi::Value push_chunk(const Napi::CallbackInfo& info) {
  Shared& shared = **static_cast<SharedPointer*>(info.Data());
  size_t symbol;
  Candles candles;
  Rows rows;
  if (index_argument(info, 0, shared.streams.symbols(), symbol) && columns(info, 1, candles, rows))
    passed(info.Env(), shared.streams.push_chunk(symbol, candles, rows));
  return info.Env().Undefined();
}

Napi::Value reset(const Napi::CallbackInfo& info) {
  Shared& shared = **static_cast<SharedPointer*>(info.Data());
  size_t symbol;
  if (index_argument(info, 0, shared.streams.symbols(), symbol)) shared.streams.reset(symbol);
  return info.Env().Undefined();
}

/// Gives a function its own share, released when the function is collected.
template <class F>
F sharing(F function, SharedPointer* share) {
  function.AddFinalizer([](Napi::Env, SharedPointer* own) { delete own; }, share);
  return function;
}

Napi::Value create_streams(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  constexpr size_t symbols_max = 65536;
  constexpr size_t cells_a_slot = sizeof(Slot) / sizeof(double);
  size_t symbols;
  Napi::Float64Array cells;
  Path path;
  if (!index_argument(info, 0, symbols_max + 1, symbols) || !path_argument(info, 2, path)) return env.Undefined();
  if (symbols == 0 || !doubles(info[1], cells) || cells.ElementLength() % cells_a_slot != 0) {
    fail(env, "features: streams need at least one symbol and a Float64Array of whole slots");
    return env.Undefined();
  }
  const SharedPointer shared = std::make_shared<Shared>(symbols, path);
  shared->slots = reinterpret_cast<Slot*>(cells.Data());
  shared->capacity = cells.ElementLength() / cells_a_slot;
  shared->cells = Napi::Persistent(cells);

  auto* push_share = new SharedPointer(shared);
  napi_value raw_push = nullptr;
  if (napi_create_function(env, "push", NAPI_AUTO_LENGTH, push, push_share, &raw_push) != napi_ok) {
    delete push_share;
    return env.Undefined();
  }
  auto* chunk_share = new SharedPointer(shared);
  auto* reset_share = new SharedPointer(shared);
  Napi::Object streams = Napi::Object::New(env);
  streams.Set("push", sharing(Napi::Function(env, raw_push), push_share));
  streams.Set("pushChunk", sharing(Napi::Function::New(env, push_chunk, "pushChunk", chunk_share), chunk_share));
  streams.Set("reset", sharing(Napi::Function::New(env, reset, "reset", reset_share), reset_share));
  return streams;
}

}  // namespace

void RegisterFeatures(Napi::Env env, Napi::Object exports) {
  exports.Set("featureWidth", Napi::Function::New(env, feature_width, "featureWidth"));
  exports.Set("featurePaths", Napi::Function::New(env, feature_paths, "featurePaths"));
  exports.Set("featureBatch", Napi::Function::New(env, feature_batch, "featureBatch"));
  exports.Set("createFeatureStreams", Napi::Function::New(env, create_streams, "createFeatureStreams"));
}
