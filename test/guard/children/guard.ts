import { command } from '../../../src/cli/run/guard.js';

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const { stdout, stderr, env } = process;
process.exitCode = await command.run(process.argv.slice(2), { stdout, stderr, env, signal: stop.signal });
