/** An answer that refuses, in Binance's form: an HTTP status and `{"code": …, "msg": …}`. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: number;

  constructor(status: number, code: number, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
  }
}

/** The refusals of Binance spot that the simulator speaks; texts as the exchange writes them, since ccxt matches on them. */
export const refusals = {
  badTimestamp: () => new ApiError(400, -1021, 'Timestamp for this request is outside of the recvWindow.'),
  aheadOfServer: () =>
    new ApiError(400, -1021, "Timestamp for this request was 1000ms ahead of the server's time."),
  maintenance: () => new ApiError(503, -1016, 'This service is no longer available.'),
  badSignature: () => new ApiError(400, -1022, 'Signature for this request is not valid.'),
  missing: (name: string) =>
    new ApiError(400, -1102, `Mandatory parameter '${name}' was not sent, was empty/null, or malformed.`),
  illegal: (name: string) => new ApiError(400, -1100, `Illegal characters found in parameter '${name}'.`),
  badInterval: () => new ApiError(400, -1120, 'Invalid interval.'),
  badSymbol: () => new ApiError(400, -1121, 'Invalid symbol.'),
  badType: () => new ApiError(400, -1116, 'Invalid orderType.'),
  badSide: () => new ApiError(400, -1117, 'Invalid side.'),
  badTimeInForce: () => new ApiError(400, -1115, 'Invalid timeInForce.'),
  filter: (name: string) => new ApiError(400, -1013, `Filter failure: ${name}`),
  marketClosed: () => new ApiError(400, -1013, 'Market is closed.'),
  insufficient: () => new ApiError(400, -2010, 'Account has insufficient balance for requested action.'),
  duplicate: () => new ApiError(400, -2010, 'Duplicate order sent.'),
  wouldTake: () => new ApiError(400, -2010, 'Order would immediately match and take.'),
  wouldTrigger: () => new ApiError(400, -2010, 'Stop price would trigger immediately.'),
  unknownCancel: () => new ApiError(400, -2011, 'Unknown order sent.'),
  noSuchOrder: () => new ApiError(400, -2013, 'Order does not exist.'),
  noKey: () => new ApiError(401, -2014, 'API-key format invalid.'),
  unknownKey: () => new ApiError(401, -2015, 'Invalid API-key, IP, or permissions for action.'),
} as const;
