const LINES_NAMED_MAX = 5;

/** Text of a file that has to be UTF-8, without a byte order mark; or what is wrong, which quotes nothing of the file. */
export function readPlainText(bytes: Uint8Array): { readonly text: string } | { readonly mistake: string } {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    return { mistake: 'the file is saved as UTF-16 ("Unicode"): save it as UTF-8' };
  }
  try {
    return { text: decode(bytes) };
  } catch {
    return { mistake: `${foreignLines(bytes)} not UTF-8, so letters in it cannot be read: save it as UTF-8` };
  }
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}

/** "line 8 is", "lines 8 and 9 are". */
function foreignLines(bytes: Uint8Array): string {
  const found: number[] = [];
  for (let line = 1, from = 0; from <= bytes.length; line++) {
    const end = bytes.indexOf(0x0a, from);
    const to = end === -1 ? bytes.length : end;
    if (!isUtf8(bytes.subarray(from, to))) found.push(line);
    from = to + 1;
  }
  const named = found.slice(0, LINES_NAMED_MAX);
  if (named.length === 1) return `line ${named[0]} is`;
  const more = found.length > named.length ? ' and others' : '';
  return `lines ${named.join(', ')}${more} are`;
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    decode(bytes);
    return true;
  } catch {
    return false;
  }
}
