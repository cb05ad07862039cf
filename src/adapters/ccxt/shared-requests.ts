/** Answers for several names with one request; a name without an answer is left out. */
export type AskMany<T> = (names: readonly string[]) => Promise<ReadonlyMap<string, T>>;

interface Waiting<T> {
  readonly answer: Promise<T | undefined>;
  settle(answers: Promise<ReadonlyMap<string, T>>): void;
}

/**
 * One request for all names that are asked for in the same turn of the event loop or while a request is under way: where
 * many bars close at once, a request each would let the last one wait for all. An answer is never older than its question.
 * `share` is how many names make it worth it; fewer are asked one by one.
 */
export function shareRequests<T>(
  one: (name: string) => Promise<T | undefined>,
  many: AskMany<T>,
  share = 2,
): (name: string) => Promise<T | undefined> {
  const waiting = new Map<string, Waiting<T>>();
  let underWay = false;
  let soon = false;

  function send(): void {
    soon = false;
    if (underWay || waiting.size === 0) return;
    const asked = new Map(waiting);
    waiting.clear();
    underWay = true;
    const names = [...asked.keys()];
    const answers = names.length < share ? oneByOne(names) : many(names);
    for (const { settle } of asked.values()) settle(answers);
    answers
      .catch(() => undefined)
      .then(() => {
        underWay = false;
        send();
      });
  }

  async function oneByOne(names: readonly string[]): Promise<ReadonlyMap<string, T>> {
    const found = new Map<string, T>();
    await Promise.all(
      names.map(async (name) => {
        const answer = await one(name);
        if (answer !== undefined) found.set(name, answer);
      }),
    );
    return found;
  }

  function wait(name: string): Waiting<T> {
    let settle: Waiting<T>['settle'] = () => {};
    const answer = new Promise<ReadonlyMap<string, T>>((resolve) => {
      settle = resolve;
    }).then((answers) => answers.get(name));
    return { answer, settle: (answers) => settle(answers) };
  }

  return (name) => {
    let mine = waiting.get(name);
    if (mine === undefined) {
      mine = wait(name);
      waiting.set(name, mine);
    }
    if (!soon && !underWay) {
      soon = true;
      setImmediate(send);
    }
    return mine.answer;
  };
}
