import { defineConfig } from 'vitest/config';

// Runs inside the virtual Pi, under emulation: one file at a time, and generous limits.
export default defineConfig({
  test: {
    include: [
      'test/device/guest/gpio-contract.ts',
      'test/device/guest/kill-switch.ts',
      'test/device/guest/live-press.ts',
      'test/device/guest/between-lives.ts',
    ],
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 60_000,
    reporters: ['verbose'],
  },
});
