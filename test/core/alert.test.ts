import { describe, expect, it } from 'vitest';
import { type Alert, createAlertIds, createAlerts, SEVERITIES } from '../../src/core/alert.js';
import { ALERT_CATALOGUE, type CatalogueEntry, remedyOf } from '../../src/core/alert-catalogue.js';

const clock = { wallMs: () => 1_700_000_000_000 };

function alertsInto(alerts: Alert[]) {
  let n = 0;
  const sink = { raise: async (alert: Alert) => void alerts.push(alert) };
  return createAlerts(ALERT_CATALOGUE, clock, sink, () => `box-${++n}`);
}

describe('the catalogue', () => {
  it.each(Object.entries(ALERT_CATALOGUE))('%s: severity, one sentence, and what to do', (code, entry) => {
    const { severity, sentence, remedy } = entry as unknown as CatalogueEntry;
    expect(code).toMatch(/^[A-Z][A-Z0-9_]*$/);
    expect(SEVERITIES).toContain(severity);
    // Numbers and text alike: `1` answers to both toFixed and string interpolation.
    const figures = new Proxy({}, { get: () => 1 });
    expect(sentence(figures as never)).toMatch(/^[A-Z0-9].*\S$/);
    expect(remedy).toMatch(/^[A-Z].*\.$/);
    expect(remedyOf(code)).toBe(remedy);
  });

  it('a code of another version has a remedy too', () => {
    expect(remedyOf('FROM_THE_FUTURE')).toContain('redbutton status');
    expect(remedyOf('toString')).toContain('redbutton status');
  });
});

describe('raising', () => {
  it('puts figures into the sentence', async () => {
    const alerts: Alert[] = [];
    await alertsInto(alerts).raise('FEED_SILENT', { symbol: 'BTC/USDT', ageMs: 65_000 });
    expect(alerts).toEqual([
      {
        id: 'box-1',
        code: 'FEED_SILENT',
        severity: 'warning',
        text: 'No market data for BTC/USDT for 65 s.',
        figures: { symbol: 'BTC/USDT', ageMs: 65_000 },
        atMs: 1_700_000_000_000,
      },
    ]);
  });

  it('cleans the words of others: one line, bounded, no number JSON cannot say', async () => {
    const alerts: Alert[] = [];
    const raiser = alertsInto(alerts);
    await raiser.raise('ORDER_REJECTED', {
      symbol: 'BTC/USDT',
      side: 'buy',
      amount: '1',
      reason: `bad\n\u001b[31m\u202e${'x'.repeat(5000)}`,
    });
    await raiser.raise('CLOCK_OFF', { offsetMs: Number.NaN });
    expect(alerts[0]!.text).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect([...alerts[0]!.text].length).toBeLessThanOrEqual(240);
    expect(String(alerts[0]!.figures.reason).length).toBeLessThanOrEqual(160);
    expect(alerts[1]!.figures.offsetMs).toBeNull();
  });

  it('ids are unique within a run and over restarts, even with a clock set back', () => {
    let state = 1;
    const rng = {
      next: () => {
        state = (state * 48_271) % 2_147_483_647;
        return state / 2_147_483_647;
      },
    };
    const ids = new Set<string>();
    for (let run = 0; run < 20; run++) {
      const next = createAlertIds('box', clock, rng);
      for (let i = 0; i < 500; i++) ids.add(next());
    }
    expect(ids.size).toBe(10_000);
    for (const id of ids) expect(id).toMatch(/^box-[a-z0-9]+-[a-z0-9]+-[a-z0-9]{6}$/);
  });
});
