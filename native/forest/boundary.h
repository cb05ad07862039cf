// The N-API face of the forest: checks and converts, computes nothing.
#ifndef REDBUTTON_FOREST_BOUNDARY_H
#define REDBUTTON_FOREST_BOUNDARY_H

#include <napi.h>

// Adds `trainForest` and `predictForest` to the addon's exports.
void RegisterForest(Napi::Env env, Napi::Object exports);

#endif
