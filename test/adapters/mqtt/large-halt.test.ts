// @module-tag processes

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connectAsync } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMosquitto, type Mosquitto, mosquittoInstalled } from '../../brokers/mosquitto.js';
import { eventually } from './box.js';
import { type CompiledAdapter, compileAdapter } from './child-box.js';

const HALT = 'redbutton/child-box/cmd/halt';
const BYTES = 200 * 1024 * 1024;
/** The guard's unit ends it at 250 MB. */
const RSS_MB_MAX = 120;

describe.skipIf(!mosquittoInstalled())('a halt of 200 MB', () => {
  let adapter: CompiledAdapter;
  let broker: Mosquitto;
  let child: ChildProcess;
  beforeAll(async () => {
    adapter = compileAdapter();
    broker = await createMosquitto();
    await broker.start();
  }, 60_000);
  afterAll(async () => {
    child.kill('SIGKILL');
    await broker.dispose();
    adapter.dispose();
  });

  const launch = async (version: 4 | 5) => {
    child = await adapter.launch(broker.url, 30, version);
    let halts = 0;
    child.stdout!.on('data', (chunk) => {
      halts += String(chunk).split('halt').length - 1;
    });
    return { halts: () => halts };
  };
  const killed = async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  /** The most memory that was ever resident. */
  const rssMbMax = () =>
    Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))![1]) / 1024;

  it.each([4, 5] as const)(
    'that waits at the broker halts once, is not kept in memory, and does not come again (protocol %i)',
    async (version) => {
      await launch(version);
      // Its session is there once a halt comes through.
      await killed();
      const phone = await connectAsync(broker.url, { protocolVersion: 5 });
      await phone.publishAsync(HALT, Buffer.alloc(BYTES, 'x'), { qos: 1 });
      await phone.endAsync();
      const second = await launch(version);
      await eventually('halted', () => second.halts() > 0, 60_000);
      // All of it has come through once a small one, sent after it, is there.
      const after = await connectAsync(broker.url, { protocolVersion: 5 });
      await after.publishAsync(HALT, 'halt', { qos: 1 });
      await after.endAsync();
      await eventually('went on', () => second.halts() === 2, 60_000);
      const rssMb = rssMbMax();
      console.log(`200 MB over protocol ${version}: halted, resident at most ${rssMb.toFixed(0)} MB`);
      expect(rssMb).toBeLessThan(RSS_MB_MAX);
      await killed();
      const third = await launch(version);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(third.halts()).toBe(0);
      await killed();
    },
    240_000,
  );
});
