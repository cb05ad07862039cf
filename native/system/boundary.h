// What a service needs of the system and Node does not offer: a datagram to systemd, a lock on a file.
#pragma once

#include <napi.h>

void RegisterSystem(Napi::Env env, Napi::Object exports);
