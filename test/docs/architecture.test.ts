import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configSchema } from '../../src/config/schema.js';

const root = new URL('../../', import.meta.url);
const page = readFileSync(new URL('docs/architecture.md', root), 'utf8');

describe('docs/architecture.md', () => {
  const places = [...page.matchAll(/`((?:src|test|native|systemd)\/?[\w./-]*)`/g)].map(([, place]) => place!);
  const links = [...page.matchAll(/\]\(([\w./-]+\.md)\)/g)].map(([, link]) => `docs/${link}`);

  it('names many places of the project', () => {
    expect(places.length).toBeGreaterThan(15);
  });

  it.each([...new Set([...places, ...links])])('%s is there', (place) => {
    expect(existsSync(new URL(place, root))).toBe(true);
  });

  it('tells the times of the permit as the configuration has them', () => {
    const { guard } = configSchema.parse({ exchange: [{ id: 'binance', symbols: ['BTC/USDT'] }] });
    expect(page).toContain(
      `rewrites\neach ${guard.permitPeriodMs} ms and that lapses ${guard.permitLifeMs} ms later`,
    );
  });
});
