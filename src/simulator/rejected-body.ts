/** A control request that does not fit. */
export class ControlError extends Error {}

/** The fields of a control request's body; refused where it is no JSON object. */
export function fields(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body))
    return body as Record<string, unknown>;
  throw new ControlError('the body is to be a JSON object');
}

/** The refusal of one field, with what it is to be. */
export function wrong(name: string, what: string): ControlError {
  return new ControlError(`${name} is to be ${what}`);
}
