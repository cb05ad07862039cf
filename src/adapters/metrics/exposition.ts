/** All samples of one name, each told apart by its labels. */
export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly samples: readonly { readonly labels?: Readonly<Record<string, string>>; readonly value: number }[];
}

/** A gauge without labels. No value is NaN, which is what Prometheus has for it; never zero. */
export function gauge(name: string, help: string, value: number | null | undefined): MetricFamily {
  return { name, help, type: 'gauge', samples: [{ value: value ?? Number.NaN }] };
}

/** A gauge with one label: `values` has its value for each content of the label. */
export function gaugeBy(
  label: string,
  name: string,
  help: string,
  values: readonly (readonly [string, number])[],
): MetricFamily {
  const samples = values.map(([content, value]) => ({ labels: { [label]: content }, value }));
  return { name, help, type: 'gauge', samples };
}

const escaped = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

function numeral(value: number): string {
  if (Math.abs(value) !== Number.POSITIVE_INFINITY) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}

/** The families in Prometheus' text format 0.0.4. */
export function expose(families: readonly MetricFamily[]): string {
  return families
    .map(({ name, help, type, samples }) => {
      const lines = samples.map(({ labels = {}, value }) => {
        const pairs = Object.entries(labels).map(
          ([label, content]) => `${label}="${escaped(content).replaceAll('"', '\\"')}"`,
        );
        return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${numeral(value)}\n`;
      });
      return `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n${lines.join('')}`;
    })
    .join('\n');
}
