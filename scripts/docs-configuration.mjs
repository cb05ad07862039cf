// Writes docs/configuration.md from the configuration's schema. A test holds the committed page to configurationPage().
// Usage: node scripts/docs-configuration.mjs
// Needs `npm run build`.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isRun, readOptions } from './usage.mjs';

if (isRun(import.meta.url)) readOptions(import.meta.url);
const { z } = await import('zod');

const HEAD = `# Configuration

One TOML file. Every key may be left out but \`exchange.symbols\`; what is left out has the default below. Unknown keys and
values out of range are refused at the start, all mistakes together, each with its place. Secrets are not in here: they
come from systemd's credentials directory or from the environment (\`redbutton run --help\`). Names end with their
unit (\`ageMsMax\` is in milliseconds); fractions are of 1.

This page is made from the schema by \`scripts/docs-configuration.mjs\`.
`;

/** The page of a configuration schema, as Markdown. Throws when a key has no description. */
export function configurationPage(schema) {
  const root = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  const plain = [];
  const sections = [];
  for (const [name, property] of Object.entries(root.properties)) {
    const object = property.type === 'array' ? property.items : property;
    if (object?.type !== 'object') plain.push([name, property]);
    else sections.push({ name, list: property.type === 'array', object });
  }
  const parts = [HEAD, '## At the top\n', table('', plain)];
  for (const { name, list, object } of sections) {
    parts.push(`## ${list ? `[[${name}]]` : `[${name}]`}\n`);
    if (list) parts.push('May be given several times.\n');
    parts.push(table(`${name}.`, Object.entries(object.properties), object.required));
  }
  return `${parts.join('\n').trimEnd()}\n`;
}

function table(prefix, properties, required = []) {
  const rows = rowsOf(prefix, '', properties, required);
  return ['| key | value | default | what it is |', '|---|---|---|---|', ...rows, ''].join('\n');
}

/** A line for each key; those of a section inside a section stand under their whole name. */
function rowsOf(prefix, within, properties, required) {
  return properties.flatMap(([key, property]) => {
    if (property.type === 'object')
      return rowsOf(prefix, `${within}${key}.`, Object.entries(property.properties), []);
    if (!property.description) throw new Error(`${prefix}${within}${key} has no description`);
    const fallback = required.includes(key)
      ? '*must be given*'
      : property.default === undefined
        ? 'none'
        : `\`${JSON.stringify(property.default)}\``;
    return `| \`${within}${key}\` | ${kind(property)} | ${fallback} | ${cell(property.description)} |`;
  });
}

function kind(property) {
  if (property.enum) return property.enum.map((value) => `\`${value}\``).join(', ');
  if (property.anyOf)
    return property.anyOf
      .map((part) => (part.const === undefined ? kind(part) : `\`${part.const}\``))
      .join(', ');
  if (property.type === 'array') return `list of ${kind(property.items)}`;
  if (property.type === 'boolean') return 'true or false';
  if (property.type !== 'integer' && property.type !== 'number') return 'text';
  const whole = property.type === 'integer' ? 'whole number' : 'number';
  const least =
    property.minimum ??
    (property.exclusiveMinimum === undefined ? undefined : `above ${property.exclusiveMinimum}`);
  const most = property.maximum === Number.MAX_SAFE_INTEGER ? undefined : property.maximum;
  if (least !== undefined && most !== undefined) return `${whole}, ${least} to ${most}`;
  if (least !== undefined && least !== -Number.MAX_SAFE_INTEGER)
    return typeof least === 'string' ? `${whole} ${least}` : `${whole}, at least ${least}`;
  return whole;
}

const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

if (isRun(import.meta.url)) {
  const { configSchema } = await import('../dist/config/schema.js');
  writeFileSync(
    fileURLToPath(new URL('../docs/configuration.md', import.meta.url)),
    configurationPage(configSchema),
  );
}
