// @module-tag sockets

import { request } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { expose, gauge, gaugeBy } from '../../../src/adapters/metrics/exposition.js';
import {
  createMetricsEndpoint,
  type MetricsEndpoint,
} from '../../../src/adapters/metrics/metrics-endpoint.js';
import { createProcessFigures } from '../../../src/adapters/metrics/process-figures.js';
import { createTraderMetrics } from '../../../src/adapters/metrics/trader-metrics.js';
import type { BoxState } from '../../../src/ports/alerts.js';

const STATE: BoxState = {
  tradingState: 'REDUCING',
  mode: 'paper',
  equity: 99_123.5,
  drawdown: 0.0087,
  trades: { closed: 0, profit: '0', fees: {} },
  positions: { 'binance:BTC/USDT': 0.25 },
  feedAgeMs: 1500,
  modelHealth: 'UNKNOWN',
  rollingAuc: null,
  layers: [
    { layer: 'ingestion', state: 'fault', lastSuccessMs: 5000, errorCode: 'E_FEED_LOST', detail: null },
  ],
  version: '1',
  atMs: 0,
};
const STREAM = { exchange: 'binance', symbol: 'BTC/USDT', timeframe: '1h' };

describe('the figures for Prometheus', () => {
  it('tell the state as it is when asked, and count from the start', async () => {
    let state = STATE;
    const metrics = createTraderMetrics({ version: '9.9', mode: 'paper', state: () => state });
    const bar = { stream: STREAM, kind: 'decided', signal: null, denial: null };
    metrics.countBar({ ...bar, signal: 'long' });
    metrics.countOrder({ stream: STREAM, status: 'filled', fills: 2 });
    metrics.countOrder({ stream: STREAM, status: 'denied', fills: 0 });
    metrics.countBar({ ...bar, signal: 'short', denial: 'nothing_to_close' });
    metrics.countBar({ ...bar, kind: 'quarantined' });
    const lines = (await metrics.text()).split('\n');
    for (const line of [
      'redbutton_info{version="9.9",mode="paper"} 1',
      'redbutton_trading_state{state="REDUCING"} 1',
      'redbutton_trading_state{state="ACTIVE"} 0',
      'redbutton_equity 99123.5',
      'redbutton_feed_age_seconds 1.5',
      'redbutton_layer_fault{layer="ingestion"} 1',
      'redbutton_position_units{market="binance:BTC/USDT"} 0.25',
      'redbutton_bars_total{stream="binance:BTC/USDT:1h",kind="decided"} 2',
      'redbutton_refusals_total{stream="binance:BTC/USDT:1h",reason="nothing_to_close"} 1',
      'redbutton_order_outcomes_total{stream="binance:BTC/USDT:1h",status="filled"} 1',
      'redbutton_order_outcomes_total{stream="binance:BTC/USDT:1h",status="denied"} 1',
      'redbutton_fills_total{stream="binance:BTC/USDT:1h",kind="fill"} 2',
    ]) {
      expect(lines).toContain(line);
    }
    expect(lines).toContain('redbutton_model_rolling_auc NaN');
    // Asked again, a position that is gone is gone, and nothing is counted twice.
    state = { ...STATE, tradingState: 'ACTIVE', positions: {} };
    const again = await metrics.text();
    expect(again).toContain('redbutton_trading_state{state="ACTIVE"} 1');
    expect(again).not.toContain('redbutton_position_units{');
    expect(again).toContain('redbutton_bars_total{stream="binance:BTC/USDT:1h",kind="decided"} 2');
  });

  it('write any name and text of a label so that it is read back as it was', () => {
    const content = 'a "quoted" \\ back\nslash}';
    const text = expose([gaugeBy('market', 'x', 'one\\two\nthree', [[content, 1]])]);
    expect(text).toBe(
      '# HELP x one\\\\two\\nthree\n# TYPE x gauge\nx{market="a \\"quoted\\" \\\\ back\\nslash}"} 1\n',
    );
    const written = /market="((?:[^"\\]|\\.)*)"} 1\n$/.exec(text)![1]!;
    expect(written.replace(/\\(.)/g, (_, sign) => (sign === 'n' ? '\n' : sign))).toBe(content);
    const values = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, null, 1e21, -0.5];
    expect(values.map((value) => expose([gauge('x', 'x', value)]).split('\n')[2])).toEqual([
      'x +Inf',
      'x -Inf',
      'x NaN',
      'x 1e+21',
      'x -0.5',
    ]);
  });

  it('watch the process under the names that Prometheus clients share', async () => {
    const figures = createProcessFigures();
    await figures();
    const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
    await pause();
    // Something for the event loop to be late with
    const end = performance.now() + 200;
    while (performance.now() < end);
    await pause();
    const values = new Map((await figures()).map(({ name, samples }) => [name, samples[0]!.value]));
    for (const name of [
      'process_cpu_user_seconds_total',
      'process_cpu_system_seconds_total',
      'process_cpu_seconds_total',
      'process_start_time_seconds',
      'process_resident_memory_bytes',
      'process_virtual_memory_bytes',
      'process_heap_bytes',
      'process_open_fds',
      'process_max_fds',
      ...['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'].map(
        (of) => `nodejs_eventloop_lag_${of}_seconds`,
      ),
      'nodejs_heap_size_total_bytes',
      'nodejs_heap_size_used_bytes',
      'nodejs_external_memory_bytes',
      'nodejs_version_info',
    ]) {
      expect(values.get(name), name).toBeGreaterThanOrEqual(0);
    }
    const { rss } = process.memoryUsage();
    expect(values.get('process_resident_memory_bytes')! / rss).toBeCloseTo(1, 0);
    expect(values.get('process_virtual_memory_bytes')).toBeGreaterThan(rss);
    expect(values.get('process_cpu_seconds_total')).toBeCloseTo(
      values.get('process_cpu_user_seconds_total')! + values.get('process_cpu_system_seconds_total')!,
      9,
    );
    const startedMs = values.get('process_start_time_seconds')! * 1000;
    expect(Math.abs(Date.now() - process.uptime() * 1000 - startedMs)).toBeLessThan(2000);
    expect(values.get('nodejs_eventloop_lag_max_seconds')).toBeGreaterThan(0.1);
  });
});

describe('their endpoint', () => {
  const open: MetricsEndpoint[] = [];
  afterEach(async () => {
    for (const endpoint of open.splice(0)) await endpoint.stop();
  });

  function ask(port: number, path: string, host = `127.0.0.1:${port}`, method = 'GET') {
    return new Promise<{ status: number; body: string }>((resolve, reject) => {
      const call = request({ host: '127.0.0.1', port, path, method, headers: { host } }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode!, body: Buffer.concat(chunks).toString() }),
        );
      });
      call.on('error', reject);
      call.end();
    });
  }

  it('answers this machine by its own name, one path, reading only', async () => {
    const endpoint = createMetricsEndpoint(0, async () => 'x 1\n');
    open.push(endpoint);
    await endpoint.start();
    const port = endpoint.port()!;
    expect(await ask(port, '/metrics')).toEqual({ status: 200, body: 'x 1\n' });
    expect((await ask(port, '/')).status).toBe(404);
    expect((await ask(port, '/metrics', undefined, 'POST')).status).toBe(405);
    // A name that somebody else's page made point here
    expect((await ask(port, '/metrics', 'evil.example')).status).toBe(403);
  });

  it('says which port is taken', async () => {
    const first = createMetricsEndpoint(0, async () => '');
    open.push(first);
    await first.start();
    const second = createMetricsEndpoint(first.port()!, async () => '');
    await expect(second.start()).rejects.toMatchObject({ code: 'E_METRICS_PORT' });
    expect(second.port()).toBeNull();
    await second.stop();
  });
});
