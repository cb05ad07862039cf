import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alertPayload } from '../../../src/adapters/alert-delivery/alert-payload.js';
import { AlertQueue } from '../../../src/adapters/alert-delivery/alert-queue.js';
import { isQuiet } from '../../../src/adapters/alert-delivery/quiet-hours.js';
import type { QueuedMessage } from '../../../src/adapters/alert-delivery/severity-queue.js';
import type { Alert, Severity } from '../../../src/core/alert.js';

const LIMITS = { perCodeMax: 3, rateWindowMs: 1000, backlogPerSecondMax: 10 };
let made = 0;
const alertOf = (code: string, severity: Severity, symbol: string | null = null): Alert => {
  made += 1;
  return {
    id: `a-${String(made).padStart(6, '0')}`,
    code,
    severity,
    text: code,
    figures: { symbol },
    atMs: made,
  };
};
const live = { folding: false, backlog: false };
const away = { folding: true, backlog: true };

function takeAll(queue: AlertQueue, nowMs: number, quiet = false): QueuedMessage[] {
  const taken: QueuedMessage[] = [];
  for (
    let next = queue.take(nowMs, quiet);
    next !== null && 'message' in next;
    next = queue.take(nowMs, quiet)
  ) {
    taken.push(next.message);
    queue.heard(next.message.severity);
    queue.done(next.message, nowMs);
  }
  return taken;
}

describe('the alert queue', () => {
  it('critical alerts overtake others and are never folded', () => {
    const queue = new AlertQueue(LIMITS);
    queue.add(alertOf('A', 'info'), live);
    queue.add(alertOf('B', 'warning'), live);
    for (let i = 0; i < 5; i++) queue.add(alertOf('C', 'critical'), { folding: true, backlog: false });
    const taken = takeAll(queue, 0);
    expect(taken.map((m) => m.severity)).toEqual([...Array(5).fill('critical'), 'warning', 'info']);
    expect(taken.every((m) => m.alerts.length === 1)).toBe(true);
  });

  it('folds what is alike, with every id kept, and leaves a message alone once it was sent', () => {
    const queue = new AlertQueue(LIMITS);
    const [a, b, c, d] = [1, 2, 3, 4].map(() => alertOf('A', 'warning', 'BTC/USDT')) as [
      Alert,
      Alert,
      Alert,
      Alert,
    ];
    queue.add(a, away);
    queue.add(alertOf('A', 'warning', 'ETH/USDT'), away);
    queue.add(b, away);
    const next = queue.take(0, false);
    if (next === null || !('message' in next)) throw new Error('nothing to send');
    queue.add(c, away);
    queue.disconnected(1);
    queue.add(d, away);
    expect(next.message.alerts.map((alert) => alert.id)).toEqual([a.id, b.id]);
    expect(queue.size()).toBe(5);
    const payload = alertPayload('box', next.message, 60_000);
    expect(payload).toMatchObject({
      id: a.id,
      ids: [a.id, b.id],
      atMs: a.atMs,
      lastAtMs: b.atMs,
      delayed: true,
    });
  });

  it('a code beyond its rate waits and is folded; other codes go on', () => {
    const queue = new AlertQueue(LIMITS);
    const sent: QueuedMessage[] = [];
    for (let i = 0; i < 8; i++) {
      queue.add(alertOf('A', 'info'), live);
      sent.push(...takeAll(queue, i));
    }
    expect(sent.map((m) => m.alerts.length)).toEqual([1, 1, 1]);
    queue.add(alertOf('B', 'info'), live);
    expect(takeAll(queue, 10).map((m) => m.alerts[0]!.code)).toEqual(['B']);
    expect(queue.take(10, false)).toEqual({ waitMs: 990 });
    expect(takeAll(queue, 1000).map((m) => m.alerts.length)).toEqual([5]);
  });

  it('a backlog goes out at the bounded rate', () => {
    const queue = new AlertQueue(LIMITS);
    for (let i = 0; i < 20; i++) queue.add(alertOf(`C${i}`, 'critical'), away);
    let sent = 0;
    for (let nowMs = 0; nowMs < 1000; nowMs++) sent += takeAll(queue, nowMs).length;
    expect(sent).toBe(10);
  });

  it('what was acknowledged just before the connection ended is sent again, in its old place', () => {
    const queue = new AlertQueue(LIMITS);
    const [old, last, waiting] = ['A', 'B', 'C'].map((code) => alertOf(code, 'critical')) as [
      Alert,
      Alert,
      Alert,
    ];
    queue.add(old, live);
    takeAll(queue, 0);
    queue.add(last, live);
    takeAll(queue, 9000);
    queue.add(waiting, live);
    expect(queue.size()).toBe(1);
    queue.disconnected(9100);
    const again = [...takeAll(queue, 10_000), ...takeAll(queue, 10_100)];
    expect(again.map((message) => message.alerts[0]!.id)).toEqual([last.id, waiting.id]);
    expect(takeAll(queue, 60_000)).toEqual([]);
  });

  it('info waits in quiet hours, warnings do not', () => {
    const queue = new AlertQueue(LIMITS);
    queue.add(alertOf('A', 'info'), live);
    queue.add(alertOf('B', 'warning'), live);
    expect(takeAll(queue, 0, true).map((m) => m.severity)).toEqual(['warning']);
    expect(takeAll(queue, 1, false).map((m) => m.severity)).toEqual(['info']);
  });

  it('quiet hours may span midnight', () => {
    const at = (hours: number, minutes: number) => new Date(2024, 5, 7, hours, minutes).getTime();
    expect(isQuiet(at(23, 0), '22:30', '07:00')).toBe(true);
    expect(isQuiet(at(6, 59), '22:30', '07:00')).toBe(true);
    expect(isQuiet(at(7, 0), '22:30', '07:00')).toBe(false);
    expect(isQuiet(at(12, 0), '12:00', '13:00')).toBe(true);
    expect(isQuiet(at(12, 0), undefined, undefined)).toBe(false);
  });

  it('whatever the connection does: nothing is lost, and first deliveries keep their order within a severity', () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constant('add' as const),
        severity: fc.constantFrom<Severity>('info', 'warning', 'critical'),
        up: fc.boolean(),
      }),
      fc.record({ do: fc.constant('send' as const) }),
      fc.record({ do: fc.constant('acknowledge' as const) }),
      fc.record({ do: fc.constant('unheard' as const) }),
      fc.record({ do: fc.constant('disconnect' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const queue = new AlertQueue({ perCodeMax: 1e6, rateWindowMs: 1, backlogPerSecondMax: 1000 });
        const added: Alert[] = [];
        const delivered: QueuedMessage[] = [];
        let flying: QueuedMessage[] = [];
        let nowMs = 0;
        const act = (what: (typeof steps)[number]) => {
          nowMs += 10;
          if (what.do === 'add') {
            const alert = alertOf(`CODE_${added.length}`, what.severity);
            added.push(alert);
            queue.add(alert, what.up ? live : away);
          } else if (what.do === 'send') {
            const next = queue.take(nowMs, false);
            if (next !== null && 'message' in next) flying.push(next.message);
          } else if (what.do === 'acknowledge' && flying.length > 0) {
            const message = flying.shift()!;
            delivered.push(message);
            queue.heard(message.severity);
            queue.done(message, nowMs);
          } else if (what.do === 'unheard' && flying.length === 1) {
            queue.unheard(flying.shift()!, nowMs);
          } else if (what.do === 'disconnect') {
            flying = [];
            queue.disconnected(nowMs);
          }
        };
        for (const what of steps) act(what);
        act({ do: 'disconnect' });
        nowMs += 10_000;
        const rounds = 2 * added.length + 1;
        for (let i = 0; i < rounds; i++) {
          act({ do: 'send' });
          act({ do: 'acknowledge' });
        }
        // What was acknowledged just before a disconnect comes twice; the first time counts.
        const first = delivered.filter((message, i) => delivered.indexOf(message) === i);
        const ids = first.flatMap((message) => message.alerts.map((alert) => alert.id));
        expect(ids.toSorted()).toEqual(added.map((alert) => alert.id).toSorted());
        for (const severity of ['info', 'warning', 'critical']) {
          const order = first.filter((m) => m.severity === severity).map((m) => m.alerts[0]!.id);
          expect(order).toEqual(order.toSorted());
        }
        expect(queue.size()).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
