/** What can go wrong with one request. The first group leaves the order unplaced, the second placed. */
export const REQUEST_FAULTS = [
  'drop_request', // never arrives; the caller waits in vain
  'server_error', // 5xx, and nothing was done
  'rate_limit', // 429 with a time to wait
  'reset', // the connection breaks before the request is out
  'delay_request', // arrives late, perhaps after its time window
  'drop_answer', // done, and the answer never comes
  'server_error_after', // done, and answered with a 5xx
  'reset_after', // done, and the connection breaks
  'malformed', // done, and the answer cannot be read
  'absurd', // done, and the answer's figures cannot be right
  'delay_answer', // done, and answered late
  'lagging', // answered from a state some seconds old, or without the newest fills
  'doubled', // executions stand twice in the answer, and out of order
  'accepted_late', // of orders: let in now, placed when the caller has long given up
  'error_within_200', // done, and answered with an error within HTTP 200
] as const;
export type RequestFault = (typeof REQUEST_FAULTS)[number];

/** What an exchange can do with an order that it took. */
export const ORDER_FATES = [
  'at_once', // matched as it arrives
  'later', // answered as new, filled in parts afterwards
  'canceled', // taken, perhaps filled in part, then canceled by the exchange
  'filled_after_cancel', // told as canceled, and an execution follows
] as const;
export type OrderFate = (typeof ORDER_FATES)[number];

/** What can happen to an event of an account on its way. */
export const EVENT_FAULTS = ['lose_event', 'double_event', 'delay_event', 'reorder_event'] as const;
