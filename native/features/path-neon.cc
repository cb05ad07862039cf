// Feature set v1 on the neon lanes. A file of its own because its compiler flags differ (binding.gyp).
#include "lanes-neon.h"
#include "paths.h"
#include "tile.h"

namespace redbutton::features::neon {

void compute(const History& history, Candles candles, Rows rows) { compute_rows<Lanes>(history, candles, rows); }

}  // namespace redbutton::features::neon
