import { Session } from 'node:inspector/promises';
import { fileURLToPath } from 'node:url';

const src = fileURLToPath(new URL('../../src/', import.meta.url));

/** Files of `src` of which a function ran while `work` did, by the engine's own count; sorted. */
export async function filesEntered(work: () => Promise<unknown>): Promise<readonly string[]> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  try {
    // What ran until here is forgotten with the taking.
    await session.post('Profiler.takePreciseCoverage');
    await work();
    const { result } = await session.post('Profiler.takePreciseCoverage');
    const entered = result
      .filter(({ functions }) =>
        functions.some(({ functionName, ranges }) => functionName !== '' && ranges[0]!.count > 0),
      )
      .map(({ url }) => url.replace(/^file:\/\//, '').replace(/\?.*$/, ''))
      .filter((file) => file.startsWith(src));
    return [...new Set(entered.map((file) => file.slice(src.length)))].sort();
  } finally {
    await session.post('Profiler.stopPreciseCoverage');
    session.disconnect();
  }
}
