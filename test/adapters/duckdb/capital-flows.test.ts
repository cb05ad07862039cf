import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openStore } from '../../../src/adapters/duckdb/index.js';
import type { CapitalFlow } from '../../../src/core/records.js';
import { MemoryStore } from '../../support/memory-store/memory-store.js';

const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-flows-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const flow = (kind: CapitalFlow['kind'], flowId: string, amount: string): CapitalFlow => ({
  exchange: 'binance',
  kind,
  flowId,
  currency: 'USDT',
  amount,
  atMs: 5,
});
const FLOWS = [
  flow('opening', 'USDT', '100.50'),
  flow('deposit', '1', '0.000000000000000001'),
  flow('withdrawal', '1', '-20'),
];
const READ = [FLOWS[0]!, ...FLOWS.slice(1)].map((each, i) => (i === 0 ? { ...each, amount: '100.5' } : each));

describe.each([
  ['in memory', async () => new MemoryStore()],
  ['on disk', () => openStore({ path: path.join(dir, 'a.duckdb'), onDamaged: 'refuse' })],
])('capital flows %s', (_, open) => {
  it('given flows recorded twice, when restored, then each counts once, in order and to the last decimal', async () => {
    const store = await open();
    await store.recordFlows(FLOWS.slice(0, 2));
    await store.recordFlows([...FLOWS, ...FLOWS]);
    expect((await store.restore()).flows).toEqual(READ);
    await expect(store.recordFlows([flow('deposit', '9', 'much')])).rejects.toMatchObject({
      code: 'E_DECIMAL',
    });
    await store.close();
  });
});

it('flows are still there after the store was closed and opened again', async () => {
  const store = await openStore({ path: path.join(dir, 'a.duckdb'), onDamaged: 'refuse' });
  expect((await store.restore()).flows).toEqual(READ);
  await store.close();
});
