import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

function filesBelow(dir: string, ending: string): string[] {
  return readdirSync(path.join(root, dir), { withFileTypes: true }).flatMap((entry) => {
    const inner = path.posix.join(dir, entry.name);
    if (entry.isDirectory()) return filesBelow(inner, ending);
    return inner.endsWith(ending) ? [inner] : [];
  });
}

function importsOf(file: string): string[] {
  const source = readFileSync(path.join(root, file), 'utf8');
  return [...source.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map((match) =>
    path.posix.normalize(path.posix.join(path.posix.dirname(file), match[1]!)).replace(/\.js$/, '.ts'),
  );
}

const sources = filesBelow('src', '.ts');

/** What each room may import; research/studies is a room of its own. */
const CORE = ['core', 'ports'];
const MAY_IMPORT: Record<string, readonly string[]> = {
  core: ['core'],
  ports: CORE,
  config: ['core', 'config'],
  console: ['core', 'console'],
  portfolio: [...CORE, 'portfolio'],
  learning: [...CORE, 'learning'],
  execution: [...CORE, 'portfolio', 'execution'],
  pipeline: [...CORE, 'portfolio', 'learning', 'execution', 'pipeline'],
  research: [...CORE, 'portfolio', 'learning', 'execution', 'pipeline', 'research'],
  'research/studies': [
    ...CORE,
    ...['portfolio', 'learning', 'execution', 'pipeline', 'research', 'research/studies'],
    ...['adapters', 'config'],
  ],
  adapters: [...CORE, 'adapters'],
  simulator: [...CORE, 'simulator'],
  guard: [...CORE, 'guard', 'adapters', 'config'],
  box: [...CORE, 'box', 'guard', 'adapters', 'config'],
  demo: [
    ...CORE,
    ...['console', 'portfolio', 'learning', 'execution', 'pipeline', 'research', 'research/studies'],
    ...['simulator', 'guard', 'box', 'trader', 'adapters', 'config', 'demo'],
  ],
  trader: [
    ...CORE,
    ...['portfolio', 'learning', 'execution', 'pipeline', 'research', 'trader', 'adapters', 'config'],
    // The guard of a box that trades on paper without one runs in the trader's process.
    'guard',
  ],
};

const roomOf = (file: string) => {
  const [, room, folder] = file.split('/');
  return room === 'research' && folder === 'studies' ? 'research/studies' : room!;
};

describe('imports', () => {
  it('point the right way between the parts', () => {
    const wrong = sources.flatMap((file) => {
      const allowed = MAY_IMPORT[roomOf(file)];
      // Commands may use every room.
      if (allowed === undefined) return [];
      return importsOf(file)
        .filter((target) => !allowed.includes(roomOf(target)))
        .map((target) => `${file} imports ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  it('build adapters only where the parts are put together', () => {
    // Rooms that put parts together, and the roots of the guard: its process, the trader's, and its threads and connections.
    const roots = [
      ...['trader', 'research/studies', 'box', 'cli', 'demo', 'adapters'].map((room) => `src/${room}/`),
      ...['main', 'compose', 'in-process', 'alert-thread', 'connect-canceller'].map(
        (name) => `src/guard/${name}.ts`,
      ),
      'src/main.ts',
    ];
    const wrong = sources
      .filter((file) => !roots.some((place) => file.startsWith(place)))
      .flatMap((file) => {
        const source = readFileSync(path.join(root, file), 'utf8');
        return [...source.matchAll(/import \{([^}]*)\} from '[./]*\/adapters\/[^']+'/g)].flatMap(
          ([, names]) =>
            names!
              .split(',')
              .map((name) => name.trim())
              .filter((name) => /^(create|open|load|hold|connect|start)[A-Z]/.test(name))
              .map((name) => `${file} builds with ${name}`),
        );
      });
    expect(wrong).toEqual([]);
  });

  it('reach another layer only through its index', () => {
    const layerOf = (file: string) => {
      const [, part, layer, rest] = file.split('/');
      return part === 'pipeline' && rest !== undefined ? layer : undefined;
    };
    const wrong = sources.flatMap((file) =>
      importsOf(file)
        .filter((target) => {
          const layer = layerOf(target);
          return layer !== undefined && layer !== layerOf(file) && !target.endsWith('/index.ts');
        })
        .map((target) => `${file} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe('the house at a glance', () => {
  /** What a file needs at run time: types come from wherever they are made. */
  const valueImportsOf = (file: string) =>
    [
      ...readFileSync(path.join(root, file), 'utf8').matchAll(
        /^(?:import|export) (?!type)(?:\{(?<names>[^}]*)\}|[\w*][^'{}]*) from '(?<from>\.[^']+)'/gm,
      ),
    ]
      .filter(({ groups }) => {
        const names = groups!.names?.split(',').map((name) => name.trim());
        return names === undefined || names.some((name) => name !== '' && !name.startsWith('type '));
      })
      .map(({ groups }) =>
        path.posix
          .normalize(path.posix.join(path.posix.dirname(file), groups!.from!))
          .replace(/\.js$/, '.ts'),
      );

  it('has no circle of imports', () => {
    const circles: string[] = [];
    const done = new Set<string>();
    const walk = (file: string, way: readonly string[]) => {
      if (way.includes(file)) circles.push([...way.slice(way.indexOf(file)), file].join(' → '));
      else if (!done.has(file)) for (const target of valueImportsOf(file)) walk(target, [...way, file]);
      done.add(file);
    };
    for (const file of sources) walk(file, []);
    expect(circles).toEqual([]);
  });

  it('is printed', () => {
    const lengths = sources.map((file) => ({
      file,
      lines: readFileSync(path.join(root, file), 'utf8').trimEnd().split('\n').length,
    }));
    const longest = lengths.reduce((a, b) => (b.lines > a.lines ? b : a));
    const rooms = new Map<string, number>();
    for (const file of sources) rooms.set(roomOf(file), (rooms.get(roomOf(file)) ?? 0) + 1);
    const each = [...rooms].map(([room, files]) => `${room} ${files}`).join(', ');
    console.log(
      `${sources.length} files of src: ${each}\nlines of TypeScript: ${lengths.reduce((sum, { lines }) => sum + lines, 0)}; longest file: ${longest.file}, ${longest.lines}`,
    );
    expect(rooms.size).toBeGreaterThan(10);
  });
});

describe('the pure part', () => {
  it('takes time and chance through ports', () => {
    const banned =
      /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\bsetTimeout\(|\bsetInterval\(|\bperformance\.now\(|\bprocess\.hrtime/;
    const pure = sources.filter((file) =>
      ['core', 'portfolio', 'execution', 'pipeline', 'learning', 'research'].includes(roomOf(file)),
    );
    expect(pure.length).toBeGreaterThan(0);
    const wrong = pure.filter((file) => banned.test(readFileSync(path.join(root, file), 'utf8')));
    expect(wrong).toEqual([]);
  });

  it('does no I/O in core, portfolio and pipeline', () => {
    const pure = sources.filter((file) =>
      ['core', 'portfolio', 'execution', 'pipeline'].includes(roomOf(file)),
    );
    const wrong = pure.filter((file) =>
      /from 'node:(fs|net|http|https|child_process|dgram|worker_threads)/.test(
        readFileSync(path.join(root, file), 'utf8'),
      ),
    );
    expect(wrong).toEqual([]);
  });
});

describe('files', () => {
  it('get their names, and are synced, in the one place that does it durably', () => {
    const others: Record<string, string> = {
      // Moves a folder aside that is in the permit's way. The run directory is memory: there is nothing to make durable.
      'src/guard/permit-file.ts': 'renameSync(',
      // Written over in place, on purpose: see there.
      'src/guard/armed-record.ts': '.sync()',
      'src/box/os-update/finish-next.ts': '.sync()',
      'src/box/first-boot/card.ts': '.sync()',
      'src/box/first-boot/free-space.ts': '.sync()',
      // Cuts the torn end off a log that may be large.
      'src/adapters/duckdb/open/write-ahead-log.ts': '.sync()',
    };
    const doing = /\b(?:rename|renameSync|fsync|fsyncSync)\(|\bhandle\w*\.sync\(\)/i;
    const wrong = sources
      .filter((file) => file !== 'src/adapters/files/durable-file.ts')
      .filter((file) => {
        const text = readFileSync(path.join(root, file), 'utf8');
        const allowed = others[file];
        return doing.test(allowed === undefined ? text : text.replace(allowed, ''));
      });
    expect(wrong).toEqual([]);
  });
});

describe('feature columns', () => {
  it('are named, never numbered', () => {
    const numbered = sources.filter((file) =>
      /\b\w*_COLUMN = \d|\bMODEL_WIDTH = \d|\b(features|row\.values)!?\??\.?\[\d+\]/.test(
        readFileSync(path.join(root, file), 'utf8'),
      ),
    );
    expect(numbered).toEqual([]);
  });
});

describe('symbols', () => {
  it('are taken apart in one place', () => {
    const apart = sources.filter((file) =>
      /symbols?\w*(\[\d\])?[!?]?\.(split\(|includes\(':'\))/i.test(
        readFileSync(path.join(root, file), 'utf8'),
      ),
    );
    expect(apart).toEqual(['src/core/symbol.ts']);
  });
});

describe('models', () => {
  it('are opened in the one place that has the runtime send nothing', () => {
    const opening = sources.filter((file) =>
      /\bInferenceSession\.create\b/.test(readFileSync(path.join(root, file), 'utf8')),
    );
    expect(opening).toEqual(['src/adapters/onnx/session.ts']);
  });
});

describe('names and sizes', () => {
  const all = [...sources, ...filesBelow('test', '.ts')];

  it('are kebab-case and say what the file does', () => {
    const wrong = all.filter((file) =>
      file
        .split('/')
        .some(
          (part) =>
            !/^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.guest|\.config)?(\.ts)?$/.test(part) ||
            /^(utils?|helpers?|common|managers?|misc)(\.ts)?$/.test(part),
        ),
    );
    expect(wrong).toEqual([]);
  });

  it('no file has grown beyond one reading', () => {
    const wrong = sources
      .map((file) => ({
        file,
        lines: readFileSync(path.join(root, file), 'utf8').trimEnd().split('\n').length,
      }))
      .filter(({ lines }) => lines > 500);
    expect(wrong).toEqual([]);
  });
});

describe('the package', () => {
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
    optionalDependencies: Record<string, string>;
    devDependencies: Record<string, string>;
    allowScripts: Record<string, boolean>;
  };
  const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<
      string,
      { hasInstallScript?: boolean; version?: string; optional?: boolean; os?: string[] }
    >;
  };

  it('says of every install script whether it may run', () => {
    const withScripts = Object.entries(lock.packages)
      .filter(
        ([where, entry]) => where !== '' && entry.hasInstallScript && (entry.os?.includes('linux') ?? true),
      )
      .map(([where]) => where.slice(where.lastIndexOf('node_modules/') + 'node_modules/'.length));
    expect(withScripts.length).toBeGreaterThan(0);
    expect([...new Set(withScripts)].sort()).toEqual(Object.keys(manifest.allowScripts).sort());
  });

  it('pins every package, and DuckDB to a version with a binding for the Pi', () => {
    const versions = Object.values({
      ...manifest.dependencies,
      ...manifest.optionalDependencies,
      ...manifest.devDependencies,
    });
    expect(versions.filter((version) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
    const arm64 = lock.packages['node_modules/@duckdb/node-bindings-linux-arm64'];
    expect(arm64?.version).toBe(manifest.dependencies['@duckdb/node-api']);
  });
});

describe('shipped text', () => {
  it('imports only what is declared for production in src', () => {
    const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as Record<
      string,
      Record<string, string>
    >;
    const production = [
      ...Object.keys(manifest.dependencies!),
      ...Object.keys(manifest.optionalDependencies!),
    ];
    // The demo alone may use development packages, and says so when they are absent.
    const wrong = sources
      .filter((file) => !file.startsWith('src/demo/'))
      .flatMap((file) =>
        [...readFileSync(path.join(root, file), 'utf8').matchAll(/(?:\bfrom\s+|\bimport\()'([^.'][^']*)'/g)]
          .map((match) => match[1]!)
          .filter((name) => !name.startsWith('node:'))
          .map((name) =>
            name
              .split('/')
              .slice(0, name.startsWith('@') ? 2 : 1)
              .join('/'),
          )
          .filter((name) => !production.includes(name))
          .map((name) => `${file} imports ${name}`),
      );
    expect(wrong).toEqual([]);
  });
});
