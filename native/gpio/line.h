// Lines of the kernel's GPIO character device (uAPI v2), and the levels of sysfs. Nothing here knows of N-API.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gpio {

struct Chip {
  std::string path;
  std::string label;
  uint32_t lines;
};

/// A failure of the kernel: errno and what was tried.
struct Failure {
  int code = 0;
  std::string doing;
  explicit operator bool() const { return code != 0; }
};

enum class Bias { kAsIs, kPullUp, kPullDown, kDisabled };

/// All chips of this machine. One that cannot be opened is left out, and its failure told when no other is there.
std::vector<Chip> ListChips(Failure* failure);

/// The names of a chip's lines, in their order; empty where a line has none.
std::vector<std::string> LineNames(const std::string& chip_path, Failure* failure);

/// Requests one line as an input with both edges; returns the request's descriptor, −1 on failure. `debounce_us` 0 is none.
int RequestInput(const std::string& chip_path, uint32_t offset, Bias bias, uint32_t debounce_us, Failure* failure);

/// Requests one line as an output at level 0.
int RequestOutput(const std::string& chip_path, uint32_t offset, Failure* failure);

/// What a descriptor is: a request of the character device, or a sysfs line's open `value` file.
enum class Source { kRequest, kValueFile };

/// The level now: 0 or 1, −1 on failure. A file that shows neither is a failure (EIO), not a 0.
int ReadLevel(int descriptor, Source source, Failure* failure);

void WriteLevel(int request, int level, Failure* failure);

/// Whether `descriptor` is a request of this one line, and its chip is still there.
bool IsRequestOf(int descriptor, const std::string& chip_path, uint32_t offset);

/// Gives a request of a life before this one today's configuration. Edges that wait in it stay.
void Reconfigure(int request, Bias bias, uint32_t debounce_us, Failure* failure);

/// Whether `descriptor` is this very file, opened.
bool IsValueFile(int descriptor, const std::string& path);

/// Whether an edge waits in the kernel's queue of a request; of a value file, whether one came since it was last read.
bool EdgeWaits(int descriptor, Source source);

/// Takes the oldest edge out of the queue; of a value file, forgets that there was one. Never waits.
void TakeEdge(int descriptor, Source source);

/// An epoll descriptor that is readable once for each edge to come, and for those that wait already. −1 with a failure.
int WatchEdges(int request, Failure* failure);

/// Waits for an edge of `watch`, or for `stop` (an eventfd) to become readable; takes none. Returns 1, or −1 with a failure,
/// or −2 when told to stop.
int NextEdge(int watch, int stop, Failure* failure);

/// Looks at the level every `period_ms`, or waits for `stop`. Returns a level as soon as it is not `last`, or −1 with a
/// failure, or −2 when told to stop.
int NextLevel(int descriptor, Source source, int last, int period_ms, int stop, Failure* failure);

}  // namespace gpio
