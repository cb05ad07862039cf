// Options of a TCP socket that Node does not offer.
#pragma once

#include <napi.h>

void RegisterSockets(Napi::Env env, Napi::Object exports);
