import { readFileSync } from 'node:fs';
import { Ajv, type ValidateFunction } from 'ajv';
import type { Received } from '../../brokers/phone.js';

const ajv = new Ajv({ allErrors: true, allowUnionTypes: true });
const schema = (name: string): ValidateFunction =>
  ajv.compile(
    JSON.parse(
      readFileSync(new URL(`../../../src/adapters/mqtt/schemas/${name}.json`, import.meta.url), 'utf8'),
    ) as object,
  );

/** Which schema describes which topic; every topic the box publishes on must be here. */
export const SCHEMAS: readonly (readonly [RegExp, ValidateFunction, 'json' | 'text'])[] = [
  [/^redbutton\/[^/]+\/(guard\/)?availability$/, schema('availability'), 'text'],
  [/^redbutton\/[^/]+\/state$/, schema('state'), 'json'],
  [/^redbutton\/[^/]+\/health$/, schema('health'), 'json'],
  [/^redbutton\/[^/]+\/fill$/, schema('fill'), 'json'],
  [/^redbutton\/[^/]+\/alert\/(info|warning|critical)$/, schema('alert'), 'json'],
  [/^homeassistant\/device\/[a-zA-Z0-9_-]+\/config$/, schema('home-assistant-device'), 'json'],
];

/** What is wrong with a message, judged by its topic's schema; empty when nothing is. */
export function faultsOf(message: Received): string[] {
  const found = SCHEMAS.find(([pattern]) => pattern.test(message.topic));
  if (found === undefined) return [`${message.topic}: no schema`];
  const [, validate, form] = found;
  if (validate(form === 'json' ? JSON.parse(message.payload) : message.payload)) return [];
  return [`${message.topic}: ${ajv.errorsText(validate.errors)}`];
}
