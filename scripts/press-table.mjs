// The table that scripts/halt-presses.mjs prints; does nothing by itself.
// Usage: import { pressTable } from './press-table.mjs'
import { isRun, readOptions } from './usage.mjs';

if (isRun(import.meta.url)) readOptions(import.meta.url);
const TRADERS = ['well', 'stopped', 'killed'];
const HEADS = [
  'condition',
  'trader',
  'presses',
  'order unwritten',
  'order unanswered',
  'met none',
  'late orders',
  'latest packet (ms)',
  'latest read (ms)',
];
const row = (cells) =>
  `${cells.map((cell, i) => (i === 0 ? String(cell).padEnd(12) : String(cell).padStart(HEADS[i].length + 2))).join('')}\n`;

/** What `npm run halt-presses` prints of its presses, and their sums. Those that met no order are in all columns but `presses`. */
export function pressTable(conditions, pressed) {
  const latest = (mine, of) => {
    const known = mine.map((each) => each[of]).filter((ms) => ms !== null);
    return known.length === 0 ? 'none' : Math.max(...known).toFixed(1);
  };
  const lines = conditions.flatMap((condition) =>
    TRADERS.map((trader) => {
      const mine = pressed.filter((each) => each.condition === condition && each.trader === trader);
      const met = (what) => mine.filter((each) => each.met === what).length;
      return row([
        condition,
        trader,
        met('unwritten') + met('unanswered'),
        met('unwritten'),
        met('unanswered'),
        met('none'),
        mine.reduce((sum, { late }) => sum + late, 0),
        latest(mine, 'packetMs'),
        latest(mine, 'readMs'),
      ]);
    }),
  );
  return {
    table: row(HEADS) + lines.join(''),
    sums: {
      counted: pressed.filter(({ met }) => met !== 'none').length,
      late: pressed.reduce((sum, { late }) => sum + late, 0),
      contradictions: pressed.filter(({ contradiction }) => contradiction !== null).length,
    },
  };
}
