import { describe, expect, it } from 'vitest';
import type { Gpio } from '../../src/ports/gpio.js';

/** A bank under test: two free lines, an outside hand on the input, and an eye on the output. */
export interface GpioRig {
  readonly gpio: Gpio;
  readonly inputLine: number;
  readonly outputLine: number;
  readonly absentLine: number;
  drive(level: 0 | 1): void | Promise<void>;
  seen(): 0 | 1;
  /** Waits until what was driven has had time to arrive. */
  arrived(isSo: () => boolean): Promise<void>;
  dispose(): Promise<void>;
}

/** What every Gpio adapter must do. Runs over each that this machine can. */
export function gpioContract(name: string, createRig: () => Promise<GpioRig>): void {
  describe(`gpio contract: ${name}`, () => {
    const withRig = async (test: (rig: GpioRig) => Promise<void>) => {
      const rig = await createRig();
      try {
        await test(rig);
      } finally {
        await rig.dispose();
      }
    };

    it('reads the level that is driven', () =>
      withRig(async (rig) => {
        const line = await rig.gpio.input(rig.inputLine);
        for (const level of [1, 0, 1] as const) {
          await rig.drive(level);
          await rig.arrived(() => line.read() === level);
          expect(line.read()).toBe(level);
        }
        line.close();
      }));

    it('tells both edges, and none after it is closed', () =>
      withRig(async (rig) => {
        const line = await rig.gpio.input(rig.inputLine);
        await rig.drive(0);
        await rig.arrived(() => line.read() === 0);
        const edges: (0 | 1)[] = [];
        line.onEdge((error, level) => {
          if (error === null) edges.push(level);
        });
        await rig.drive(1);
        await rig.arrived(() => edges.length >= 1);
        await rig.drive(0);
        await rig.arrived(() => edges.length >= 2);
        expect(edges).toEqual([1, 0]);
        line.close();
        await rig.drive(1);
        await rig.arrived(() => true);
        expect(edges).toEqual([1, 0]);
      }));

    it('shows the level that is written', () =>
      withRig(async (rig) => {
        const line = await rig.gpio.output(rig.outputLine);
        for (const level of [1, 0, 1] as const) {
          line.write(level);
          expect(rig.seen()).toBe(level);
        }
        line.close();
      }));

    it('refuses a line that is held, and gives it again once it is closed', () =>
      withRig(async (rig) => {
        const line = await rig.gpio.input(rig.inputLine);
        await expect(rig.gpio.input(rig.inputLine)).rejects.toMatchObject({ code: 'E_GPIO_BUSY' });
        line.close();
        (await rig.gpio.input(rig.inputLine)).close();
      }));

    it('refuses a line that is not on the chip', () =>
      withRig(async (rig) => {
        await expect(rig.gpio.input(rig.absentLine)).rejects.toMatchObject({ code: 'E_GPIO_LINE' });
        await expect(rig.gpio.output(rig.absentLine)).rejects.toMatchObject({ code: 'E_GPIO_LINE' });
      }));
  });
}
