// The features' door to JavaScript.
#pragma once
#include <napi.h>

/// Adds `featurePaths`, `featureBatch` and `createFeatureStreams` to the addon's exports.
void RegisterFeatures(Napi::Env env, Napi::Object exports);
