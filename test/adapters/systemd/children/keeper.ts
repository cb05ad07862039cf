import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { openDescriptorStore } from '../../../../src/adapters/systemd/descriptor-store.js';

/**
 * Keeps what it is told to: `FILE DO…`, each life doing the next of its words. Prints what it took, read through the
 * descriptor itself.
 */
const [file = '', ...words] = process.argv.slice(2);
const counter = `${file}.lives`;
let life = 0;
try {
  life = Number(readFileSync(counter, 'utf8'));
} catch {
  // The first.
}
const fd = openSync(counter, 'w');
writeSync(fd, String(life + 1));
closeSync(fd);
const say = (line: object) => void process.stdout.write(`${JSON.stringify({ in: life + 1, ...line })}\n`);
const store = openDescriptorStore(process.env, ['line-5'], (fault) => say({ fault }))!;
const taken = store.take('line-5');
const bytes = Buffer.alloc(64);
say({ took: taken === null ? null : bytes.toString('utf8', 0, readSync(taken, bytes, 0, 64, null)) });
const word = words[life];
if (word === 'keep') store.keep('line-5', openSync(file, 'r'));
if (word === 'keep another') store.keep('line-6', openSync(file, 'r'));
if (word === 'forget') store.forget('line-5');
if (word === 'wait') setInterval(() => {}, 1000);
else process.kill(process.pid, 'SIGKILL');
