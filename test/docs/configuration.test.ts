import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { configurationPage } from '../../scripts/docs-configuration.mjs';
import { configSchema } from '../../src/config/schema.js';

describe('docs/configuration.md', () => {
  it('is what the schema says now (else: npm run build && node scripts/docs-configuration.mjs)', () => {
    const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
    expect(page).toBe(configurationPage(configSchema));
  });

  it('cannot be made from a schema with a key that nobody has described', () => {
    const schema = z.strictObject({
      known: z.string().describe('Known.'),
      box: z.object({ bare: z.number() }),
    });
    expect(() => configurationPage(schema)).toThrow('box.bare has no description');
  });
});
