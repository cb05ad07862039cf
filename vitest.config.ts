import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 90_000,
    hookTimeout: 30_000,
    // Native addons (DuckDB, ONNX Runtime, ours) are loaded once a process; forks keep a crash from taking the run with it.
    pool: 'forks',
    maxWorkers: 2,
  },
});
