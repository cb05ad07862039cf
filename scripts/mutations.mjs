// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are texts of sources
/**
 * Deliberate faults, each of which the simulation (`sim`) or a named test must catch. `from` is the text that `to`
 * replaces, and must stand in the file exactly once.
 */
const execution = 'src/pipeline/execution/execution.ts';
const unsettled = 'src/pipeline/execution/unsettled-orders.ts';
const gate = 'src/pipeline/execution/order-gate.ts';
const portfolio = 'src/pipeline/execution/portfolio.ts';
const reconciliation = 'src/pipeline/execution/reconciliation.ts';
const breaker = 'src/pipeline/risk/drawdown-breaker.ts';

export const MUTATIONS = [
  {
    name: 'send before the intent is written down',
    file: execution,
    from: "await record(order, 'intended', null);",
    to: '',
    by: 'sim',
  },
  {
    name: 'send again blind after a time-out',
    file: execution,
    from: "if (result.kind === 'ambiguous') return await doubt(order, result.message, tries);",
    to: "if (result.kind === 'ambiguous' && tries >= config.triesMax) return await doubt(order, result.message, tries);\n        if (result.kind === 'ambiguous') continue;",
    by: 'sim',
  },
  {
    name: 'take an unanswered order for dead',
    file: execution,
    from: "if (result.kind === 'ambiguous') return await doubt(order, result.message, tries);",
    to: "if (result.kind === 'ambiguous') return await refuse(order, result.message, tries);",
    by: 'sim',
  },
  {
    name: 'resolve an unknown order after one "not found"',
    file: unsettled,
    from: 'return entry.notFound >= 2 && late',
    to: 'return entry.notFound >= 1',
    by: 'sim',
  },
  {
    name: 'an unknown order does not block its symbol',
    file: unsettled,
    from: 'if (order.exchange === exchange && order.symbol === symbol) return true;',
    to: '',
    by: 'sim',
  },
  {
    name: 'forget open orders on restart',
    file: execution,
    from: 'unsettled.add(event.order, text(filled));',
    to: 'void filled;',
    by: 'sim',
  },
  {
    name: 'believe a final status whose fills are not all there',
    file: execution,
    from: 'const complete = isFinal(report.status) && told.eq(report.filled);',
    to: 'const complete = isFinal(report.status);',
    // The comparison with the exchange heals this one within the minute, so the simulation ends well.
    by: 'test/pipeline/execution/execution.test.ts',
  },
  {
    name: 'do not store the fills of an answer',
    file: execution,
    from: 'await store.recordFills(listed);',
    to: '',
    by: 'sim',
  },
  {
    name: 'count a fill twice',
    file: portfolio,
    from: 'if (seen.has(id)) return false;',
    to: '',
    by: 'sim',
  },
  {
    name: 'tell fills apart by number without symbol',
    file: portfolio,
    from: 'return `${fill.exchange}:${fill.symbol}:${fill.fillId}`;',
    to: 'return `${fill.exchange}:${fill.fillId}`;',
    by: 'sim',
  },
  {
    name: 'forget fees taken in base currency',
    file: 'src/pipeline/execution/position-book.ts',
    from: 'this.units = before.plus(signed).minus(feeBase);',
    to: 'this.units = before.plus(signed);',
    by: 'sim',
  },
  {
    name: 'ignore fills that come after the end of an order',
    file: execution,
    from: 'if (!open && !isNew && (known !== undefined || isFinal(report.status))) return null;',
    to: 'if (!open && (known !== undefined || isFinal(report.status))) return null;',
    by: 'sim',
  },
  {
    name: 'ignore deposits and withdrawals',
    file: reconciliation,
    from: 'if (fresh.length === 0) return fresh;',
    to: 'return [];',
    by: 'sim',
  },
  {
    name: 'trade before exchange and store agree',
    file: 'src/pipeline/order-desk.ts',
    from: 'return venues.agreed(key.exchange) ? state : ',
    to: 'return venues !== undefined ? state : ',
    by: 'sim',
  },
  {
    name: 'ignore the permit',
    file: gate,
    from: "if (!permit.ok) return ['no_permit', `permit ${permit.reason}`];",
    to: 'if (!permit.ok) return null;',
    by: 'sim',
  },
  {
    name: 'ask for permit and state at the gate alone',
    file: gate,
    from: 'mayLeave(order) {\n      const permit = deps.permit.read();',
    to: 'mayLeave(order) {\n      if (order !== undefined) return null;\n      const permit = deps.permit.read();',
    by: 'sim',
  },
  {
    name: 'let entries pass while REDUCING',
    file: gate,
    from: "if (state !== 'ACTIVE' && !reduces(order)) return ['state_reducing', `the box is ${state}`];",
    to: '',
    by: 'sim',
  },
  {
    name: 'forget the peak on restart',
    file: breaker,
    from: 'peakEquity = snapshot.peakEquity;',
    to: 'peakEquity = snapshot.equity;',
    by: 'sim',
  },
  {
    name: 'loosen the circuit breaker on restart',
    file: breaker,
    from: 'tripped = snapshot.breakerTripped;',
    to: 'tripped = false;',
    by: 'sim',
  },
  {
    name: 'ignore the tripped circuit breaker',
    file: 'src/pipeline/risk/risk.ts',
    from: 'if (breakerTripped) {',
    to: 'if (breakerTripped && inputs.equity < 0) {',
    by: 'sim',
  },
  {
    name: 'ignore the cap of a position',
    file: 'src/pipeline/risk/sizing.ts',
    from: 'const positionFraction = Math.min(kellyRaw, config.maxPositionFraction);',
    to: 'const positionFraction = kellyRaw;',
    by: 'sim',
  },
  {
    name: 'forget the signal interval on restart',
    file: 'src/pipeline/signals/signal-layer.ts',
    from: 'lastActedMs = lastActedBarMs;',
    to: 'void lastActedBarMs;',
    by: 'sim',
  },
  {
    name: 'decide on bars of history',
    file: 'src/pipeline/live-run.ts',
    from: 'live ? await pipeline.onCandle(key, raw) : await pipeline.onHistory(key, raw);',
    to: 'live ? await pipeline.onCandle(key, raw) : await pipeline.onCandle(key, raw);',
    by: 'sim',
  },
  {
    name: 'round amounts up to the step',
    file: 'src/core/money.ts',
    from: 'return value.div(step).round(0, Big.roundDown).times(step);',
    to: 'return value.div(step).round(0, Big.roundUp).times(step);',
    by: 'test/core test/pipeline/execution',
  },
  {
    name: "size shorts by the probability of 'up'",
    file: 'src/pipeline/signals/signal-layer.ts',
    from: 'probabilityWin: 1 - calibrated',
    to: 'probabilityWin: calibrated',
    by: 'test/pipeline/signals',
  },
  {
    name: "skip the check in ccxt's own fetch",
    file: 'src/adapters/ccxt/create-attempt.ts',
    from: 'if (reason !== null) throw new CreateRefused(reason);',
    to: 'void reason;',
    by: 'test/adapters/ccxt/broker.test.ts',
  },
  {
    name: 'take a 5xx for "not placed"',
    file: 'src/adapters/ccxt/create-failure.ts',
    from: 'if (attempt.status >= 500 || attempt.status === 408) return ambiguous;',
    to: 'if (attempt.status >= 500 || attempt.status === 408) return notPlaced(true);',
    by: 'test/adapters/ccxt/create-failure.test.ts',
  },
  {
    name: 'trust an old price',
    file: gate,
    from: 'if (!(Math.abs(ageMs) <= config.quoteAgeMsMax))',
    to: 'if (!(Math.abs(ageMs) <= Number.MAX_VALUE))',
    by: 'test/pipeline/execution/order-gate.test.ts',
  },
  {
    name: 'believe figures that cannot be right',
    file: execution,
    from: 'if (flaw !== null) return doubt(order, `the answer cannot be right: ${flaw}`, tries);',
    to: '',
    by: 'test/pipeline/execution/execution.test.ts',
  },
];
