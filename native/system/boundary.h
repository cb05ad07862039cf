// What a service needs of the system and Node does not offer: a datagram to systemd, a lock on a file, who stands at the
// other end of a socket, the idle class of processor and disk, an end that nothing holds up.
#pragma once

#include <napi.h>

void RegisterSystem(Napi::Env env, Napi::Object exports);
