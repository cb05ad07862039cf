import { compareVersions } from './versions.js';

/** A line of Node.js that the tests run on, and the first of its releases with every fix known when this version was made. */
export interface NodeLine {
  readonly major: number;
  /** null where a distribution brings the fixes into releases of its own. */
  readonly patched: string | null;
  readonly where: string;
}

/** The one list of supported versions; docs/operations.md shows it, and image/node-version is one of them. */
export const NODE_LINES: readonly NodeLine[] = [
  { major: 20, patched: null, where: 'Debian 13, which keeps it patched' },
  { major: 26, patched: '26.12.1', where: 'the image' },
];

/** What is wrong with running on this version, in one sentence; null where nothing is. */
export function nodeAdvice(version: string): string | null {
  const line = NODE_LINES.find(({ major }) => major === Number.parseInt(version, 10));
  if (line === undefined) {
    const tested = NODE_LINES.map(({ major }) => major).join(' and ');
    return `Node.js ${version} is not tested with Redbutton: use ${tested}`;
  }
  if (line.patched === null || compareVersions(version, line.patched) >= 0) return null;
  return `Node.js ${version} lacks security fixes: update it to ${line.patched} or newer`;
}
