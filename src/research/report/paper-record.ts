import type { StreamKey } from '../../core/candle.js';
import { parseManifest } from '../../core/manifest-schema.js';
import { familyOf } from '../../core/model-family.js';
import { marketFit } from '../../core/model-market.js';
import { parseRunSettings } from '../../pipeline/decision-settings.js';
import { type AskRows, quoted } from './stored-fills.js';

/** Days of paper trading before a symbol may be traded with real money. */
export const PAPER_DAYS_MIN = 30;

/**
 * Days (UTC, of the candles, which the exchange dates and not the box's clock) on which a model of this family decided on this
 * stream on paper, at this box: what came with a copy of another one does not count, nor what a model decided off its market or
 * time frame; one whose manifest names no market counts, since nothing says that it is off it. Bars of history are never decided on, so a day cannot be had faster than the exchange makes it; those of a
 * start whose exchange stood at an address of its own (a simulator, a proxy) count for nothing.
 */
export async function paperDays(ask: AskRows, stream: StreamKey, family: string): Promise<number> {
  const hashes = new Set<string>();
  const offMarket = new Set<string>();
  for (const [modelHash, text] of await ask('SELECT model_hash, manifest FROM models ORDER BY seq')) {
    const manifest = parseManifest(String(text), 'the store');
    if (familyOf(manifest) === family) hashes.add(String(modelHash));
    // For good: a manifest that was written again does not earn days that were lived under another.
    if (marketFit(manifest, stream) === 'off') offMarket.add(String(modelHash));
  }
  for (const hash of offMarket) hashes.delete(hash);
  const earning = new Set<string>();
  // A database that no trader of this version has opened yet has no such table.
  const [owners] = await ask("SELECT 1 FROM information_schema.tables WHERE table_name = 'owners'");
  const [owned] =
    owners === undefined
      ? []
      : await ask('SELECT max(at_ms) AS since FROM (SELECT at_ms FROM owners ORDER BY at_ms OFFSET 1)');
  const sinceMs = Number(owned?.[0] ?? 0);
  for (const [seq, atMs, settings] of await ask('SELECT seq, at_ms, settings FROM runs ORDER BY seq')) {
    if (Number(atMs) < sinceMs) continue;
    const { trading, streams } = parseRunSettings(String(settings));
    const named = streams.some(({ key }) => key.exchange === stream.exchange && key.symbol === stream.symbol);
    if (trading?.mode === 'paper' && named && !trading.redirected.includes(stream.exchange))
      earning.add(String(seq));
  }
  const rows = await ask(
    `SELECT DISTINCT d.open_ms // 86400000 AS day, d.model_hash, r.seq
     FROM decisions d ASOF JOIN runs r ON d.decided_at_ms >= r.at_ms
     WHERE d.decided AND d.model_hash IS NOT NULL AND d.exchange = ${quoted(stream.exchange)}
       AND d.symbol = ${quoted(stream.symbol)} AND d.timeframe = ${quoted(stream.timeframe)}
     ORDER BY ALL`,
  );
  const days = rows.filter(([, hash, seq]) => hashes.has(String(hash)) && earning.has(String(seq)));
  return new Set(days.map(([day]) => String(day))).size;
}
