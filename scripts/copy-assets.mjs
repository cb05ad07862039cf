// Copies what the compiler leaves behind (SQL, JSON, HTML, CSS) from src to dist, beside the code that reads it.
// Usage: node scripts/copy-assets.mjs
import { chmodSync, cpSync, existsSync } from 'node:fs';
import { readOptions } from './usage.mjs';

readOptions(import.meta.url);
cpSync('src', 'dist', {
  recursive: true,
  filter: (source) => !source.endsWith('.ts'),
});
if (existsSync('dist/main.js')) chmodSync('dist/main.js', 0o755);
