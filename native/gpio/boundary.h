// The character device's lines as functions of the addon.
#pragma once

#include <napi.h>

void RegisterGpio(Napi::Env env, Napi::Object exports);
