import { createArmedRecordFile } from '../../../src/guard/armed-record.js';

// Arms and halts in turn forever; says each change once it is durable.
const [path, first] = process.argv.slice(2) as [string, string];
const file = createArmedRecordFile(path);
for (let epoch = Number(first); ; epoch++) {
  const armed = epoch % 2 === 1;
  await file.write({ armed, epoch, atMs: epoch, cause: armed ? 'armed at the button' : 'button' });
  process.stdout.write(`${epoch}\n`);
}
