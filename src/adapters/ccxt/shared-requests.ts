/** Answers for several names with one request; a name without an answer is left out. */
export type AskMany<T> = (names: readonly string[]) => Promise<ReadonlyMap<string, T>>;

interface Waiting<T> {
  readonly answer: Promise<T | undefined>;
  settle(answers: Promise<ReadonlyMap<string, T>>): void;
}

/** After this long a request gathers no more questions: it may never be answered. */
const PATIENCE_MS = 250;

/**
 * One request for all names that are asked for in the same turn of the event loop or while a request is under way: where
 * many bars close at once, a request each would let the last one wait for all. An answer is never older than its question,
 * and one that does not come holds nobody up who asks later. A lone name is asked by `one`.
 */
export function shareRequests<T>(
  one: (name: string) => Promise<T | undefined>,
  many: AskMany<T>,
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
    const answers = names.length === 1 ? alone(names[0]!) : many(names);
    for (const { settle } of asked.values()) settle(answers);
    let isOver = false;
    const over = () => {
      clearTimeout(patience);
      if (isOver) return;
      isOver = true;
      underWay = false;
      send();
    };
    const patience = setTimeout(over, PATIENCE_MS);
    answers.then(over, over);
  }

  async function alone(name: string): Promise<ReadonlyMap<string, T>> {
    const answer = await one(name);
    return answer === undefined ? new Map() : new Map([[name, answer]]);
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
