// lag_k: log_return_{t−k} for k = 1, 2, 3, 5, 10. The values are those of log_return, rows earlier.
#pragma once
#include <cstddef>

namespace redbutton::features {

constexpr size_t kLags[] = {1, 2, 3, 5, 10};
constexpr size_t kLagCount = sizeof kLags / sizeof kLags[0];
constexpr size_t kLagLargest = 10;

/// Where column lag_k begins; `log_returns` points at the log return of the first row, earlier ones before it.
static inline const double* lag(const double* log_returns, size_t k) { return log_returns - k; }

}  // namespace redbutton::features
