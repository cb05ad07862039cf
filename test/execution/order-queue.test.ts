import { describe, expect, it } from 'vitest';
import { OrderQueue } from '../../src/execution/order-queue.js';

/** Work whose end the test decides, and the order in which it began. */
function world() {
  const queue = new OrderQueue();
  const began: string[] = [];
  const work = (name: string) => {
    let end = () => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const run = async () => {
      began.push(name);
      await ended;
    };
    return { run, end: () => end() };
  };
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { queue, began, work, settled };
}

describe('turns', () => {
  it('given work on one stream, then one piece comes after the other, and other streams do not wait', async () => {
    const { queue, began, work, settled } = world();
    const [first, second, other] = [work('first'), work('second'), work('other')];
    void queue.serialize('binance', 'BTC', first.run);
    const done = queue.serialize('binance', 'BTC', second.run);
    void queue.serialize('binance', 'ETH', other.run);
    await settled();
    expect(began).toEqual(['first', 'other']);
    first.end();
    await settled();
    expect(began).toEqual(['first', 'other', 'second']);
    second.end();
    await done;
  });

  it('given a comparison, then it has its exchange alone, and another exchange does not notice', async () => {
    const { queue, began, work, settled } = world();
    const [order, comparison, bar, elsewhere] = [
      work('order'),
      work('comparison'),
      work('bar'),
      work('elsewhere'),
    ];
    void queue.serialize('binance', 'BTC', order.run);
    void queue.exclusively('binance', comparison.run);
    void queue.serialize('binance', 'ETH', bar.run);
    void queue.serialize('kraken', 'BTC', elsewhere.run);
    await settled();
    expect(began).toEqual(['order', 'elsewhere']);
    order.end();
    await settled();
    expect(began).toEqual(['order', 'elsewhere', 'comparison']);
    comparison.end();
    await settled();
    expect(began).toEqual(['order', 'elsewhere', 'comparison', 'bar']);
  });

  it('given work that fails, then whoever comes next does not', async () => {
    const { queue } = world();
    const failed = queue.serialize('binance', 'BTC', () => Promise.reject(new Error('no')));
    const alone = queue.exclusively('binance', () => Promise.reject(new Error('no')));
    await expect(failed).rejects.toThrow('no');
    await expect(alone).rejects.toThrow('no');
    expect(await queue.serialize('binance', 'BTC', async () => 'fine')).toBe('fine');
  });
});
