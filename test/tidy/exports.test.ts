import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

function textsBelow(dir: string, ending: RegExp): Map<string, string> {
  const files = readdirSync(path.join(root, dir), { recursive: true, encoding: 'utf8' })
    .filter((file) => ending.test(file))
    .map((file) => path.posix.join(dir, file.split(path.sep).join('/')));
  return new Map(files.map((file) => [file, readFileSync(path.join(root, file), 'utf8')]));
}

interface Use {
  readonly file: string;
  /** `*` for all. */
  readonly name: string;
}

function usesIn(file: string, text: string): Use[] {
  const target = (specifier: string) =>
    path.posix.join(path.posix.dirname(file), specifier).replace(/\.js$/, '.ts');
  const whole = [...text.matchAll(/(?:\* as \w+ from |export \* from |import\(\s*|import )'(\.[^']+)'/g)];
  const named = [...text.matchAll(/(?:import|export)(?: type)? \{([^}]*)\} from '(\.[^']+)'/g)];
  return [
    ...whole.map((match) => ({ file: target(match[1]!), name: '*' })),
    ...named.flatMap((match) =>
      match[1]!
        .split(',')
        .map(
          (each) =>
            each
              .trim()
              .replace(/^type /, '')
              .split(' as ')[0]!,
        )
        .filter((name) => name !== '')
        .map((name) => ({ file: target(match[2]!), name })),
    ),
  ];
}

/** Names of values; a type that an exported signature mentions must be nameable, whoever does. */
function valuesOf(text: string): string[] {
  const declared = [
    ...text.matchAll(/^export (?:async )?(?:abstract )?(?:function\*?|class|const|let) (\w+)/gm),
  ];
  const listed = [...text.matchAll(/^export \{([^}]*)\}/gm)].flatMap((match) => match[1]!.split(','));
  return [
    ...declared.map((match) => match[1]!),
    ...listed
      .map((each) => each.trim())
      .filter((each) => each !== '' && !each.startsWith('type '))
      .map((each) => each.split(' as ').at(-1)!),
  ];
}

const sources = textsBelow('src', /\.ts$/);
const uses = [...sources].flatMap(([file, text]) => usesIn(file, text));

describe('what stands in src', () => {
  it('is there for src: each file is imported by another one', () => {
    const entries: Record<string, string> = {
      'src/main.ts': 'the program',
      // Calibration by isotonic regression: published with the method, chosen by no model that is shipped.
      'src/learning/isotonic.ts': 'kept',
    };
    const imported = new Set(uses.map(({ file }) => file));
    const started = [...sources.values()].join('\n');
    const alone = [...sources.keys()].filter(
      (file) =>
        !imported.has(file) &&
        !(file in entries) &&
        // A worker or thread is started by its file's name.
        !started.includes(`/${path.posix.basename(file, '.ts')}.js'`),
    );
    expect(alone).toEqual([]);
  });

  it('exports no value that only tests import', () => {
    // This list only gets shorter: rules with a test of their own, and figures that a test measures by.
    const known = [
      'src/adapters/alert-delivery/daily.ts nextLocalTime',
      'src/adapters/clock/time-sync.ts isChronySynchronised',
      'src/adapters/duckdb/open/write-ahead-log.ts chainEnd',
      'src/adapters/duckdb/open/write-ahead-log.ts commitsFrom',
      'src/adapters/duckdb/write/retention.ts keptFromMs',
      'src/adapters/native/process-end.ts TIMER_IN_PLACE',
      'src/console/help-text.ts optionsHelp',
      'src/core/create-ports.ts CREATE_PORT_BLOCKS',
      'src/core/node-support.ts NODE_LINES',
      'src/learning/folds.ts addSpan',
      'src/learning/isotonic.ts fitIsotonic',
      'src/pipeline/risk/correlation.ts CORRELATION_STEP_BARS',
      'src/pipeline/risk/correlation.ts correlationOf',
      'src/pipeline/signals/signal-layer.ts confidenceOf',
      'src/research/backtest/book-depth.ts walkedPrice',
      'src/research/report/deflated-sharpe.ts expectedMaximumSharpe',
    ];
    const used = new Set(uses.map(({ file, name }) => `${file} ${name}`));
    // Scripts measure the built program.
    const scripts = [...textsBelow('scripts', /(^|\/)(?!mutations)[\w-]+\.mjs$/).values()].join('\n');
    const unused = [...sources].flatMap(([file, text]) =>
      valuesOf(text)
        .filter((name) => !used.has(`${file} ${name}`) && !used.has(`${file} *`))
        .filter((name) => !new RegExp(`\\b${name}\\b`).test(scripts))
        .map((name) => `${file} ${name}`),
    );
    expect(unused.sort()).toEqual(known);
  });

  it('has what scripts load from the built program', () => {
    const missing = [...textsBelow('scripts', /\.mjs$/)].flatMap(([script, text]) =>
      [...text.matchAll(/\{([^{}]*)\} = await dist\('([^']+)\.js'\)/g)].flatMap((match) => {
        const values = valuesOf(sources.get(`src/${match[2]}.ts`) ?? '');
        return match[1]!
          .split(',')
          .map((each) => each.trim().split(':')[0]!)
          .filter((name) => name !== '' && !values.includes(name))
          .map((name) => `${script}: ${match[2]} has no ${name}`);
      }),
    );
    expect(missing).toEqual([]);
  });
});
