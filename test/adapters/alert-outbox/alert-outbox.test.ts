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
import { openAlertOutbox } from '../../../src/adapters/alert-outbox/alert-outbox.js';
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

describe('the alert outbox', () => {
  let dir: string;
  let file: string;
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'redbutton-outbox-'));
    file = path.join(dir, 'guard', 'alerts.jsonl');
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const idsOf = async (limit = 1000) => {
    const outbox = await openAlertOutbox(file);
    const pending = await outbox.pending(limit);
    await outbox.close();
    return pending.map((alert) => alert.id);
  };

  it('holds what was added and not removed, in order, over a restart', async () => {
    const outbox = await openAlertOutbox(file);
    await Promise.all(['a', 'b', 'c', 'd'].map((id) => outbox.add(alertOf(id))));
    await outbox.remove(['b', 'unknown']);
    expect((await outbox.pending(2)).map((alert) => alert.id)).toEqual(['a', 'c']);
    await outbox.close();
    expect(await idsOf()).toEqual(['a', 'c', 'd']);
  });

  it('cut at any byte, it holds every alert whose line is whole, and takes new ones', async () => {
    const outbox = await openAlertOutbox(file);
    for (const id of ['a', 'b', 'c']) await outbox.add(alertOf(id));
    await outbox.close();
    const whole = readFileSync(file);
    for (let length = 0; length <= whole.length; length++) {
      const cut = whole.subarray(0, length);
      writeFileSync(file, cut);
      const lines = cut.toString().split('\n').length - 1;
      const torn = await openAlertOutbox(file);
      await torn.add(alertOf('new'));
      await torn.close();
      expect(await idsOf()).toEqual([...['a', 'b', 'c'].slice(0, lines), 'new']);
    }
  });

  it('a damaged line costs that line alone, and is told', async () => {
    const outbox = await openAlertOutbox(file);
    await outbox.add(alertOf('a'));
    await outbox.close();
    appendFileSync(file, '{"add":{"id":7}}\nnot json\n');
    const damaged: number[] = [];
    const again = await openAlertOutbox(file, (line) => void damaged.push(line));
    await again.add(alertOf('b'));
    await again.close();
    expect(damaged).toEqual([2, 3]);
    expect(await idsOf()).toEqual(['a', 'b']);
  });

  it('does not grow forever', async () => {
    const outbox = await openAlertOutbox(file);
    await outbox.add(alertOf('kept'));
    for (let i = 0; i < 1000; i++) {
      await outbox.add(alertOf(`gone-${i}`));
      await outbox.remove([`gone-${i}`]);
    }
    await outbox.close();
    expect(statSync(file).size).toBeLessThan(70 * 1024);
    expect(await idsOf()).toEqual(['kept']);
  });

  it.each(['the new file', 'its folder'])(
    'continues where it cannot be made smaller, since the disk does not sync %s',
    async (what) => {
      const outbox = await openAlertOutbox(file);
      await outbox.add(alertOf('kept'));
      await watchSyncs((name) => name.endsWith(what === 'its folder' ? '/guard' : '.tmp'));
      const failed = await Promise.allSettled(
        Array.from({ length: 1000 }, async (_, i) => {
          await outbox.add(alertOf(`gone-${i}`));
          await outbox.remove([`gone-${i}`]);
        }),
      );
      vi.restoreAllMocks();
      expect(failed.some(({ status }) => status === 'rejected')).toBe(true);
      await outbox.add(alertOf('last'));
      await outbox.close();
      expect(await idsOf()).toEqual(['kept', 'last']);
      expect(readdirSync(path.dirname(file))).toEqual(['alerts.jsonl']);
    },
  );

  it('says where it cannot write', async () => {
    writeFileSync(path.join(dir, 'guard'), 'a file in the way');
    await expect(openAlertOutbox(file)).rejects.toMatchObject({ code: 'E_SPOOL' });
  });
});
