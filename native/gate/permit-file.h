// Looks at the permit file on disk.
#pragma once

#include "permit.h"

namespace gate {

/// CLOCK_MONOTONIC, milliseconds: the clock that permits are written by, and that all processes share.
double NowMs();

/// Whether the file at `folder`/permit lets creates pass now. Anything but a regular file of 64 bytes in a real folder, owned by
/// the folder's owner and writable by nobody else, does not. A record met half-written is read again.
bool ReadPermit(const char* folder, const uint8_t* boot_id, Permit* permit);

/// This boot's id; false where the kernel does not give it.
bool ReadBootId(uint8_t* boot_id);

}  // namespace gate
