// @module-tag processes

import { describe, expect, it } from 'vitest';
import { mosquittoInstalled } from '../../brokers/mosquitto.js';
import { endure } from './endurance.js';

/** scripts/soak-alerts sets REDBUTTON_SOAK for the long form: 1 000 alerts, 50 kills, 3 minutes frozen. */
const LONG = process.env.REDBUTTON_SOAK === 'alerts';
const OPTIONS = LONG
  ? { alerts: 1000, kills: 50, freezeMs: 180_000 }
  : { alerts: 300, kills: 5, freezeMs: 4000 };

describe.skipIf(!mosquittoInstalled())('a broker in trouble', () => {
  it(
    `${OPTIONS.alerts} alerts over ${OPTIONS.kills} kills, a freeze, a full disk, a changed password and a twin: none lost, none out of order`,
    async () => {
      const result = await endure(OPTIONS);
      console.log(
        `alerts ${result.raised}, delivered ${result.deliveredIds}, lost ${result.lost.length}, out of order ${result.outOfOrder.length}, ` +
          `duplicates ${result.duplicates} (changed ${result.changed.length}), connections ${result.reconnects}, ` +
          `raise p99 ${result.raiseMsP99.toFixed(2)} ms, max ${result.raiseMsMax.toFixed(2)} ms`,
      );
      expect(result.lost).toEqual([]);
      expect(result.outOfOrder).toEqual([]);
      expect(result.changed).toEqual([]);
      expect(result.leftInOutbox).toBe(0);
      expect(result.deliveredIds).toBe(OPTIONS.alerts);
      expect(result.fullDiskSeen).toBe(true);
      expect(result.reconnects).toBeGreaterThan(OPTIONS.kills);
      expect(result.raiseMsP99).toBeLessThan(50);
    },
    LONG ? 900_000 : 120_000,
  );
});
