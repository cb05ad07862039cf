import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const sources = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({
    file: `src/${file.split(path.sep).join('/')}`,
    // Comments may name what code may not.
    text: readFileSync(path.join(root, 'src', file), 'utf8').replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, ''),
  }))
  .filter(({ file }) => !file.startsWith('src/simulator/'));

const naming = (pattern: RegExp) =>
  sources
    .filter(({ text }) => pattern.test(text))
    .map(({ file }) => file)
    .sort();

describe('fills are added up in one place', () => {
  it('only the portfolio gives an amount of a fill its sign', () => {
    const signing =
      /side === 'buy'\s*\?[^:;]*\b(amount|units)\b[^:;]*:\s*(-|[^;]{0,60}\.neg\()|CASE (\w+\.)?side WHEN 'buy' THEN (\w+\.)?amount/;
    expect(naming(signing)).toEqual(['src/portfolio/movements.ts', 'src/portfolio/position.ts']);
  });
});

describe('an order has one door', () => {
  it('only the order gate hands an order to a broker', () => {
    // By call, by a reference that is kept, by name in brackets, by destructuring.
    const reached =
      /\.\s*create\b(?!:)|\[\s*['"`]create['"`]\s*\]|\{[^{}]*\bcreate\b[^{}:]*\}\s*=\s*[\w.]*[bB]roker/;
    // DuckDB and ONNX Runtime have makers of that name too; elsewhere there is none.
    const makers = /^src\/adapters\/(duckdb|onnx)\//;
    expect(naming(reached).filter((file) => !makers.test(file))).toEqual(['src/execution/order-gate.ts']);
  });

  it("only the broker over ccxt names ccxt's ways to create or change an order", () => {
    const ways =
      /(\.\s*|\[\s*['"`])(create\w*Orders?\w*|editOrders?\w*|(private|sapi|fapi\w*|dapi\w*|papi|v\d)\w*(Post|Put)\w*)\b/;
    expect(naming(ways)).toEqual(['src/adapters/ccxt/broker.ts']);
  });

  it('nothing loads ccxt but the module that wraps it', () => {
    expect(naming(/['"`]ccxt(\/[^'"`]*)?['"`]/)).toEqual(['src/adapters/ccxt/ccxt-module.ts']);
  });
});
