// Feature set v1 on the avx2 lanes. A file of its own because its compiler flags differ (binding.gyp).
#include "lanes-avx2.h"
#include "paths.h"
#include "tile.h"

namespace redbutton::features::avx2 {

void compute(const History& history, Candles candles, Rows rows) { compute_rows<Lanes>(history, candles, rows); }

}  // namespace redbutton::features::avx2
