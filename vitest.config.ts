import { readdirSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

/** A test file that carries one of these tags in its head (`// @module-tag sockets`) is slow; every other one is quick. */
const SLOW = [
  { name: 'processes', description: 'starts programs: ours, a broker, openssl' },
  { name: 'sockets', description: 'opens sockets, most of them for the exchange simulator' },
  { name: 'browser', description: 'opens pages in Chromium' },
  { name: 'long', description: 'computes or waits for more than three seconds' },
];

const slowFiles = readdirSync(new URL('test', import.meta.url), { recursive: true, encoding: 'utf8' })
  .map((name) => `test/${name}`)
  .filter(
    (file) =>
      file.endsWith('.test.ts') &&
      /^\/\/ @module-tag /m.test(readFileSync(new URL(file, import.meta.url), 'utf8')),
  );

export default defineConfig({
  test: {
    hookTimeout: 30_000,
    // Native addons (DuckDB, ONNX Runtime, ours) are loaded once a process; forks keep a crash from taking the run with it.
    pool: 'forks',
    maxWorkers: 2,
    tags: SLOW,
    projects: [
      {
        extends: true,
        test: {
          name: 'quick',
          include: ['test/**/*.test.ts'],
          exclude: slowFiles,
          setupFiles: ['test/support/quick-lane.ts'],
          testTimeout: 20_000,
          // A worker keeps what it has loaded: most of these files take less time than loading what they test.
          isolate: false,
        },
      },
      { extends: true, test: { name: 'slow', include: slowFiles, testTimeout: 90_000 } },
    ],
  },
});
