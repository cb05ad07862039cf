import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { shareRequests } from '../../../src/adapters/ccxt/shared-requests.js';

/** Requests that are answered when the test says so. */
function requests() {
  const asked: string[][] = [];
  const open: { answer(): void; fail(error: Error): void }[] = [];
  const request = (names: readonly string[]) =>
    new Promise<ReadonlyMap<string, string>>((resolve, reject) => {
      asked.push([...names]);
      open.push({
        answer: () =>
          resolve(new Map(names.filter((n) => n !== 'none').map((n) => [n, `${n} ${asked.length}`]))),
        fail: reject,
      });
    });
  const ask = shareRequests<string>(async (name) => (await request([name])).get(name), request);
  return { asked, open, ask };
}

it('asks once for all names of a turn, each of them once', async () => {
  const { asked, open, ask } = requests();
  const answers = Promise.all(['a', 'b', 'a', 'none'].map(ask));
  await nextTurn();
  expect(asked).toEqual([['a', 'b', 'none']]);
  open[0]!.answer();
  expect(await answers).toEqual(['a 1', 'b 1', 'a 1', undefined]);
});

it('gathers what is asked for meanwhile, and gives nobody an answer that was under way before the question', async () => {
  const { asked, open, ask } = requests();
  const first = ask('a');
  await nextTurn();
  const later = Promise.all(['a', 'b'].map(ask));
  await nextTurn();
  expect(asked).toEqual([['a']]);
  open[0]!.answer();
  expect(await first).toBe('a 1');
  await nextTurn();
  expect(asked).toEqual([['a'], ['a', 'b']]);
  open[1]!.answer();
  expect(await later).toEqual(['a 2', 'b 2']);
});

it('holds nobody up with a request that is never answered', async () => {
  const { asked, open, ask } = requests();
  void ask('a');
  await nextTurn();
  const later = ask('b');
  while (asked.length < 2) await delay(20);
  open[1]!.answer();
  expect(await later).toBe('b 2');
});

it('fails those who asked, and no later ones', async () => {
  const { open, ask } = requests();
  const both = Promise.allSettled(['a', 'b'].map(ask));
  await nextTurn();
  const later = ask('a');
  open[0]!.fail(new Error('away'));
  expect((await both).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  await nextTurn();
  open[1]!.answer();
  expect(await later).toBe('a 2');
});
