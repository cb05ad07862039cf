import { ApiError } from './api-error.js';

/** The fields of a control request's body; refused where it is no JSON object. */
export function fields(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body))
    return body as Record<string, unknown>;
  throw new ApiError(400, -1100, 'the body is to be a JSON object');
}

/** The refusal of one field, with what it is to be. */
export function wrong(name: string, what: string): ApiError {
  return new ApiError(400, -1100, `${name} is to be ${what}`);
}
