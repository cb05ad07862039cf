#include "boundary.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "forest.h"

namespace {

// Typed arrays are copied in: JavaScript may change or detach them while the threads work.
template <typename Array, typename T>
bool CopyIn(const Napi::Value& value, napi_typedarray_type type, std::vector<T>* out) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) return false;
  const Array array = value.As<Array>();
  out->resize(array.ElementLength());
  if (!out->empty()) std::memcpy(out->data(), array.Data(), out->size() * sizeof(T));
  return true;
}

template <typename Array, typename T>
Array CopyOut(Napi::Env env, const std::vector<T>& values) {
  Array array = Array::New(env, values.size());
  if (!values.empty()) std::memcpy(array.Data(), values.data(), values.size() * sizeof(T));
  return array;
}

Napi::Object ToObject(Napi::Env env, const forest::Forest& model) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("width", Napi::Number::New(env, static_cast<double>(model.width)));
  object.Set("mean", CopyOut<Napi::Float32Array>(env, model.scaling.mean));
  object.Set("std", CopyOut<Napi::Float32Array>(env, model.scaling.std));
  object.Set("treeStart", CopyOut<Napi::Int32Array>(env, model.tree_start));
  object.Set("feature", CopyOut<Napi::Int16Array>(env, model.feature));
  object.Set("threshold", CopyOut<Napi::Float32Array>(env, model.threshold));
  object.Set("left", CopyOut<Napi::Uint16Array>(env, model.left));
  object.Set("weight", CopyOut<Napi::Float32Array>(env, model.weight));
  return object;
}

bool FromObject(const Napi::Value& value, forest::Forest* model) {
  if (!value.IsObject()) return false;
  const Napi::Object object = value.As<Napi::Object>();
  const Napi::Value width = object.Get("width");
  if (!width.IsNumber()) return false;
  const int64_t columns = width.As<Napi::Number>().Int64Value();
  if (columns < 1 || static_cast<size_t>(columns) > forest::kWidthMax) return false;
  model->width = static_cast<size_t>(columns);
  return CopyIn<Napi::Float32Array>(object.Get("mean"), napi_float32_array, &model->scaling.mean) &&
         CopyIn<Napi::Float32Array>(object.Get("std"), napi_float32_array, &model->scaling.std) &&
         CopyIn<Napi::Int32Array>(object.Get("treeStart"), napi_int32_array, &model->tree_start) &&
         CopyIn<Napi::Int16Array>(object.Get("feature"), napi_int16_array, &model->feature) &&
         CopyIn<Napi::Float32Array>(object.Get("threshold"), napi_float32_array, &model->threshold) &&
         CopyIn<Napi::Uint16Array>(object.Get("left"), napi_uint16_array, &model->left) &&
         CopyIn<Napi::Float32Array>(object.Get("weight"), napi_float32_array, &model->weight) &&
         forest::WellFormed(*model);
}

// Reads an integer option within [low, high]; false when it is anything else.
bool ReadInteger(const Napi::Object& object, const char* name, double low, double high, double* out) {
  const Napi::Value value = object.Get(name);
  if (!value.IsNumber()) return false;
  *out = value.As<Napi::Number>().DoubleValue();
  return std::floor(*out) == *out && *out >= low && *out <= high;
}

// The first option that is missing, no integer or out of range; null when all are fine.
const char* ReadOptions(const Napi::Value& value, forest::TrainOptions* options) {
  if (!value.IsObject()) return "options";
  const Napi::Object object = value.As<Napi::Object>();
  double number = 0;
  if (!ReadInteger(object, "trees", 1, forest::kTreesMax, &number)) return "trees";
  options->trees = static_cast<int>(number);
  if (!ReadInteger(object, "depthMax", 1, forest::kDepthMax, &number)) return "depthMax";
  options->depth_max = static_cast<int>(number);
  if (!ReadInteger(object, "leafRowsMin", 1, 1e9, &number)) return "leafRowsMin";
  options->leaf_rows_min = static_cast<int>(number);
  if (!ReadInteger(object, "featuresPerSplit", 0, forest::kWidthMax, &number)) return "featuresPerSplit";
  options->features_per_split = static_cast<int>(number);
  if (!ReadInteger(object, "binsMax", 2, 256, &number)) return "binsMax";
  options->bins_max = static_cast<int>(number);
  if (!ReadInteger(object, "threads", 1, 256, &number)) return "threads";
  options->threads = static_cast<int>(number);
  if (!ReadInteger(object, "seed", 0, 9007199254740991.0, &number)) return "seed";
  options->seed = static_cast<uint64_t>(number);
  return nullptr;
}

const char* CodeOf(forest::Status status) {
  switch (status) {
    case forest::Status::kOk:
      return "OK";
    case forest::Status::kCanceled:
      return "CANCELED";
    case forest::Status::kNotFinite:
      return "NOT_FINITE";
    case forest::Status::kOneClass:
      return "ONE_CLASS";
    case forest::Status::kTooManyRows:
      return "TOO_MANY_ROWS";
    case forest::Status::kTooFewRows:
      return "TOO_FEW_ROWS";
    case forest::Status::kBadOption:
      return "BAD_OPTION";
  }
  return "UNKNOWN";
}

using CancelFlag = std::shared_ptr<std::atomic<bool>>;

class TrainWorker : public Napi::AsyncProgressWorker<int> {
 public:
  TrainWorker(const Napi::Function& on_progress, Napi::Promise::Deferred deferred, CancelFlag cancel,
              std::vector<double> rows, std::vector<uint8_t> labels, size_t width, forest::TrainOptions options)
      : Napi::AsyncProgressWorker<int>(on_progress, "redbutton.trainForest"),
        deferred_(deferred),
        cancel_(std::move(cancel)),
        rows_(std::move(rows)),
        labels_(std::move(labels)),
        width_(width),
        options_(options) {}

  void Execute(const ExecutionProgress& progress) override {
    status_ = forest::Train(
        rows_.data(), labels_.data(), labels_.size(), width_, options_,
        [&](int done) { progress.Send(&done, 1); },
        [this] { return cancel_->load(std::memory_order_relaxed); }, &result_, &place_);
  }

  void OnProgress(const int* done, size_t count) override {
    if (count == 0) return;
    Napi::HandleScope scope(Env());
    Callback().Call({Napi::Number::New(Env(), *done)});
  }

  void OnOK() override {
    Napi::Env env = Env();
    Napi::HandleScope scope(env);
    if (status_ != forest::Status::kOk) {
      Napi::Error error = Napi::Error::New(env, "the forest was not trained");
      error.Set("code", Napi::String::New(env, CodeOf(status_)));
      error.Set("row", Napi::Number::New(env, static_cast<double>(place_.row)));
      error.Set("column", Napi::Number::New(env, static_cast<double>(place_.column)));
      deferred_.Reject(error.Value());
      return;
    }
    Napi::Object object = Napi::Object::New(env);
    object.Set("forest", ToObject(env, result_.forest));
    object.Set("outOfBag", CopyOut<Napi::Float64Array>(env, result_.out_of_bag));
    object.Set("importance", CopyOut<Napi::Float64Array>(env, result_.importance));
    deferred_.Resolve(object);
  }

 private:
  Napi::Promise::Deferred deferred_;
  CancelFlag cancel_;
  std::vector<double> rows_;
  std::vector<uint8_t> labels_;
  size_t width_;
  forest::TrainOptions options_;
  forest::Status status_ = forest::Status::kOk;
  forest::TrainResult result_;
  forest::Place place_;
};

class PredictWorker : public Napi::AsyncWorker {
 public:
  PredictWorker(Napi::Env env, Napi::Promise::Deferred deferred, forest::Forest model, std::vector<double> rows)
      : Napi::AsyncWorker(env, "redbutton.predictForest"),
        deferred_(deferred),
        model_(std::move(model)),
        rows_(std::move(rows)),
        out_(rows_.size() / model_.width) {}

  void Execute() override { forest::Predict(model_, rows_.data(), out_.size(), out_.data()); }

  void OnOK() override {
    Napi::HandleScope scope(Env());
    deferred_.Resolve(CopyOut<Napi::Float64Array>(Env(), out_));
  }

 private:
  Napi::Promise::Deferred deferred_;
  forest::Forest model_;
  std::vector<double> rows_;
  std::vector<double> out_;
};

Napi::Value Refuse(Napi::Env env, const std::string& what) {
  Napi::TypeError::New(env, what).ThrowAsJavaScriptException();
  return env.Undefined();
}

// trainForest(rows: Float64Array, labels: Uint8Array, width, options, onProgress) -> { done: Promise, cancel() }
Napi::Value TrainForest(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  if (info.Length() != 5) return Refuse(env, "trainForest: expected (rows, labels, width, options, onProgress)");
  std::vector<double> rows;
  std::vector<uint8_t> labels;
  if (!CopyIn<Napi::Float64Array>(info[0], napi_float64_array, &rows)) {
    return Refuse(env, "trainForest: rows must be a Float64Array");
  }
  if (!CopyIn<Napi::Uint8Array>(info[1], napi_uint8_array, &labels)) {
    return Refuse(env, "trainForest: labels must be a Uint8Array");
  }
  const int64_t width = info[2].IsNumber() ? info[2].As<Napi::Number>().Int64Value() : 0;
  if (width < 1 || static_cast<size_t>(width) > forest::kWidthMax ||
      rows.size() != labels.size() * static_cast<size_t>(width)) {
    return Refuse(env, "trainForest: rows must hold labels.length x width values");
  }
  forest::TrainOptions options;
  if (const char* wrong = ReadOptions(info[3], &options)) {
    return Refuse(env, std::string("trainForest: option ") + wrong + " is missing or out of range");
  }
  if (!info[4].IsFunction()) return Refuse(env, "trainForest: onProgress must be a function");

  Napi::Promise::Deferred deferred = Napi::Promise::Deferred::New(env);
  CancelFlag cancel = std::make_shared<std::atomic<bool>>(false);
  auto* worker = new TrainWorker(info[4].As<Napi::Function>(), deferred, cancel, std::move(rows), std::move(labels),
                                 static_cast<size_t>(width), options);
  worker->Queue();
  Napi::Object job = Napi::Object::New(env);
  job.Set("done", deferred.Promise());
  job.Set("cancel", Napi::Function::New(env, [cancel](const Napi::CallbackInfo&) {
            cancel->store(true, std::memory_order_relaxed);
          }));
  return job;
}

// predictForest(forest, rows: Float64Array) -> Promise<Float64Array>
Napi::Value PredictForest(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  forest::Forest model;
  std::vector<double> rows;
  if (info.Length() != 2 || !FromObject(info[0], &model)) {
    return Refuse(env, "predictForest: expected a well-formed forest");
  }
  if (!CopyIn<Napi::Float64Array>(info[1], napi_float64_array, &rows) || rows.size() % model.width != 0) {
    return Refuse(env, "predictForest: rows must be a Float64Array of whole rows");
  }
  Napi::Promise::Deferred deferred = Napi::Promise::Deferred::New(env);
  auto* worker = new PredictWorker(env, deferred, std::move(model), std::move(rows));
  worker->Queue();
  return deferred.Promise();
}

}  // namespace

void RegisterForest(Napi::Env env, Napi::Object exports) {
  exports.Set("trainForest", Napi::Function::New(env, TrainForest, "trainForest"));
  exports.Set("predictForest", Napi::Function::New(env, PredictForest, "predictForest"));
}
