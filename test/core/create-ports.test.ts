import { expect, it } from 'vitest';
import { CREATE_PORT_LAST, CREATE_PORTS, createPortsOf } from '../../src/core/create-ports.js';

it('gives each of 31 epochs in a row 32 ports of its own, from 61000 to 61991', () => {
  const ports = Array.from({ length: 31 }, (_, i) => createPortsOf(1_000_000 + i)).flatMap((first) =>
    Array.from({ length: CREATE_PORTS }, (_, i) => first + i),
  );
  expect(new Set(ports).size).toBe(992);
  expect(Math.min(...ports)).toBe(61_000);
  expect(Math.max(...ports)).toBe(61_991);
  expect(CREATE_PORT_LAST).toBe(61_991);
});

it.each([
  [0, 61_000],
  [1, 61_032],
  [30, 61_960],
  [31, 61_000],
  [Number.MAX_SAFE_INTEGER, 61_000 + (Number.MAX_SAFE_INTEGER % 31) * 32],
])('epoch %i begins at %i', (epoch, first) => {
  expect(createPortsOf(epoch)).toBe(first);
});
