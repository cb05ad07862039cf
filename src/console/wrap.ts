/** The width that help and findings keep to. */
export const COLUMNS = 80;

/** A blank that no line ends at. */
export const NO_BREAK = '\u00a0';

/** Text as lines of at most `width`: broken at blanks and at none that is no-break; a word that is too long (a path) is cut. */
export function wrapped(text: string, width: number): string[] {
  return text.split('\n').flatMap((paragraph) => {
    const lines: string[] = [];
    let line = '';
    for (const word of paragraph.split(/[ \t]+/)) {
      let rest = word;
      if (line !== '' && line.length + 1 + rest.length > width) {
        lines.push(line);
        line = '';
      }
      while (rest.length > width) {
        lines.push(rest.slice(0, width));
        rest = rest.slice(width);
      }
      line = line === '' ? rest : `${line} ${rest}`;
    }
    return [...lines, line].map((whole) => whole.replaceAll(NO_BREAK, ' '));
  });
}
