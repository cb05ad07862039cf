// Feature set v1 on the scalar lanes. A file of its own because its compiler flags differ (binding.gyp).
#include "lanes-scalar.h"
#include "paths.h"
#include "tile.h"

namespace redbutton::features::scalar {

void compute(const History& history, Candles candles, Rows rows) { compute_rows<Lanes>(history, candles, rows); }

}  // namespace redbutton::features::scalar
