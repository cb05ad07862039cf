// The addon's entry: each part registers its own functions.
#include <napi.h>

#include "features/boundary.h"
#include "forest/boundary.h"
#include "gpio/boundary.h"
#include "system/boundary.h"
#include "system/sockets.h"

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  RegisterFeatures(env, exports);
  RegisterForest(env, exports);
  RegisterGpio(env, exports);
  RegisterSystem(env, exports);
  RegisterSockets(env, exports);
  return exports;
}

NODE_API_MODULE(redbutton, Init)
