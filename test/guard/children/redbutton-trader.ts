import { createSystemClock } from '../../../src/adapters/clock/system-clock.js';
import { createSystemScheduler } from '../../../src/adapters/clock/system-scheduler.js';
import { createTraderLinkClient } from '../../../src/adapters/guard-link/client.js';

// A trader that only keeps its link to the guard; what it is asked is written to stdout. "halt" on stdin asks for one.
const say = (line: string) => process.stdout.write(`${line}\n`);
const link = createTraderLinkClient(
  process.argv[2]!,
  {
    async cancelAll(order) {
      say(`cancel ${order.epoch} ${order.cause}`);
      return { confirmed: true, openOrders: 0, detail: 'two empty answers' };
    },
    async reconcile() {
      say('reconcile');
    },
  },
  createSystemClock(),
  createSystemScheduler(),
);
link.start();
process.stdin.on('data', (chunk) => {
  if (String(chunk).includes('halt')) link.requestHalt('drawdown limit reached');
  if (String(chunk).includes('stop')) void link.stop().then(() => process.exit(0));
});
