import { describe, expect, it } from 'vitest';
import { SimulatedGpio } from '../../../src/adapters/gpio/simulated.js';
import { gpioContract } from '../../contract/gpio.js';

gpioContract('simulated', async () => {
  const gpio = new SimulatedGpio();
  return {
    gpio,
    inputLine: 5,
    outputLine: 17,
    absentLine: 54,
    drive: (level) => gpio.setLevel(5, level),
    seen: () => gpio.level(17),
    async arrived(isSo) {
      expect(isSo()).toBe(true);
    },
    async dispose() {},
  };
});

describe('faults of the simulated line', () => {
  it('fail reads and are repaired', async () => {
    const gpio = new SimulatedGpio({ 5: 1 });
    const line = await gpio.input(5);
    gpio.failReads(5, 'i/o error');
    expect(() => line.read()).toThrow('i/o error');
    gpio.failReads(5, null);
    expect(line.read()).toBe(1);
    gpio.unplug(5);
    expect(() => line.read()).toThrow('line 5 is gone');
    await expect(gpio.input(5)).rejects.toMatchObject({ code: 'E_GPIO_LINE' });
  });

  it('end the edges with word of it, or silently', async () => {
    for (const message of ['epoll died', null]) {
      const gpio = new SimulatedGpio();
      const line = await gpio.input(5);
      const heard: (string | number)[] = [];
      line.onEdge((error, level) => heard.push(error?.message ?? level));
      gpio.setLevel(5, 1);
      gpio.loseEdges(5, message);
      gpio.setLevel(5, 0);
      expect(heard).toEqual(message === null ? [1] : [1, message]);
    }
  });
});
