// @module-tag long

import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openAlertSpool } from '../../../src/adapters/alert-spool/alert-spool.js';
import type { Alert } from '../../../src/core/alert.js';
import { watchSyncs } from '../../support/syncs.js';

const alertOf = (id: string): Alert => ({
  id,
  code: 'HALTED',
  severity: 'critical',
  text: 'Trading is halted by a test.',
  figures: { cause: 'a test' },
  atMs: 1_700_000_000_000,
});

describe('the alert spool', () => {
  let dir: string;
  let file: string;
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'redbutton-spool-'));
    file = path.join(dir, 'guard', 'alerts.jsonl');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const idsOf = async (limit = 1000) => {
    const spool = await openAlertSpool(file);
    const pending = await spool.pending(limit);
    await spool.close();
    return pending.map((alert) => alert.id);
  };

  it('holds what was added and not removed, in order, over a restart', async () => {
    const spool = await openAlertSpool(file);
    await Promise.all(['a', 'b', 'c', 'd'].map((id) => spool.add(alertOf(id))));
    await spool.remove(['b', 'unknown']);
    expect((await spool.pending(2)).map((alert) => alert.id)).toEqual(['a', 'c']);
    await spool.close();
    expect(await idsOf()).toEqual(['a', 'c', 'd']);
  });

  it('cut at any byte, it holds every alert whose line is whole, and takes new ones', async () => {
    const spool = await openAlertSpool(file);
    for (const id of ['a', 'b', 'c']) await spool.add(alertOf(id));
    await spool.close();
    const whole = readFileSync(file);
    for (let length = 0; length <= whole.length; length++) {
      const cut = whole.subarray(0, length);
      writeFileSync(file, cut);
      const lines = cut.toString().split('\n').length - 1;
      const torn = await openAlertSpool(file);
      await torn.add(alertOf('new'));
      await torn.close();
      expect(await idsOf()).toEqual([...['a', 'b', 'c'].slice(0, lines), 'new']);
    }
  });

  it('a damaged line costs that line alone, and is told', async () => {
    const spool = await openAlertSpool(file);
    await spool.add(alertOf('a'));
    await spool.close();
    appendFileSync(file, '{"add":{"id":7}}\nnot json\n');
    const damaged: number[] = [];
    const again = await openAlertSpool(file, (line) => void damaged.push(line));
    await again.add(alertOf('b'));
    await again.close();
    expect(damaged).toEqual([2, 3]);
    expect(await idsOf()).toEqual(['a', 'b']);
  });

  it('does not grow for ever', async () => {
    const spool = await openAlertSpool(file);
    await spool.add(alertOf('kept'));
    for (let i = 0; i < 1000; i++) {
      await spool.add(alertOf(`gone-${i}`));
      await spool.remove([`gone-${i}`]);
    }
    await spool.close();
    expect(statSync(file).size).toBeLessThan(70 * 1024);
    expect(await idsOf()).toEqual(['kept']);
  });

  it.each(['the new file', 'its folder'])(
    'goes on where it cannot be made smaller, since the disk does not sync %s',
    async (what) => {
      const spool = await openAlertSpool(file);
      await spool.add(alertOf('kept'));
      await watchSyncs((name) => name.endsWith(what === 'its folder' ? '/guard' : '.tmp'));
      const failed = await Promise.allSettled(
        Array.from({ length: 1000 }, async (_, i) => {
          await spool.add(alertOf(`gone-${i}`));
          await spool.remove([`gone-${i}`]);
        }),
      );
      vi.restoreAllMocks();
      expect(failed.some(({ status }) => status === 'rejected')).toBe(true);
      await spool.add(alertOf('last'));
      await spool.close();
      expect(await idsOf()).toEqual(['kept', 'last']);
      expect(readdirSync(path.dirname(file))).toEqual(['alerts.jsonl']);
    },
  );

  it('says where it cannot write', async () => {
    writeFileSync(path.join(dir, 'guard'), 'a file in the way');
    await expect(openAlertSpool(file)).rejects.toMatchObject({ code: 'E_SPOOL' });
  });
});
