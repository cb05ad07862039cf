/** Stands where a secret stood. */
export const REDACTED = '[secret]';

/** Names under which exchanges, brokers and services carry what must not be seen; a part of a longer name counts too. */
const NAMES = [
  'signature',
  'api[-_]?(?:key|secret|sign)',
  'secret',
  'pass(?:word|phrase|wd)',
  'token',
  'authorization',
  'private[-_]?key',
  'listen[-_]?key',
  'access[-_](?:key|sign)',
  'mbx-apikey',
  'jwt',
  'cookie',
  'session[-_]?id',
].join('|');
/** Short names are secrets only where they cannot be a word of a sentence: in quotes, or before an equals sign. */
const SHORT_NAMES = 'key|sign|sig|hmac|auth';
/** In quotes, in the escaped quotes of JSON within JSON, after an authorization's scheme, or bare. What is redacted stays as it is. */
const VALUE = String.raw`(?!\[secret\])(?:\\+"[^"\\]*(?:\\+")?|"(?:[^"\\]|\\.)*"?|'[^']*'?|(?:bearer|basic|token|hmac)\s+[^\s"',;}\])]+|[^\s"'&,;}\])]+)`;

/** A whole page in an answer: nobody reads more of it, and no hostile text may take long. */
const LENGTH_MAX = 10_000;
/** An address ends where a text around it continues. */
const END = String.raw`\s"'<>\x60`;
const RULES: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, REDACTED],
  [/\beyJ[\w-]{8,4000}\.[\w-]+(?:\.[\w-]*)?/g, REDACTED],
  // Whoever logs in within an address, with or without a password.
  [new RegExp(String.raw`(\b[a-z][a-z0-9+.-]{0,15}://)[^/?#@${END}]+@`, 'gi'), `$1${REDACTED}@`],
  // Everything that was asked, with or without the address before it.
  [new RegExp(String.raw`(\b[a-z][a-z0-9+.-]{0,15}://[^?#${END}]*)[?#][^${END}]+`, 'gi'), `$1?${REDACTED}`],
  [new RegExp(String.raw`\?[\w.%[\]-]{1,64}=[^${END}]*`, 'g'), `?${REDACTED}`],
  [/\b(bearer|basic)\s+[\w+/=._~-]{6,}/gi, `$1 ${REDACTED}`],
  [new RegExp(String.raw`((?:${NAMES})[\w-]{0,32}\\?["']?\s*[=:]\s*)${VALUE}`, 'gi'), `$1${REDACTED}`],
  [new RegExp(String.raw`(\\?["'](?:${SHORT_NAMES})\\?["']\s*:\s*)${VALUE}`, 'gi'), `$1${REDACTED}`],
  [new RegExp(String.raw`(\b(?:${SHORT_NAMES})=)[^\s"'&,;}]+`, 'gi'), `$1${REDACTED}`],
];
/** What was asked, without its address: of one that is signed nothing is shown. */
const QUERY = new RegExp(String.raw`[\w.%[\]-]{1,64}=[^&${END}]*(?:&[\w.%[\]-]{1,64}=[^&${END}]*)+`, 'g');
const HAS_NAME = new RegExp(`(?:${NAMES})[\\w-]{0,32}=`, 'i');
const ADDRESS = new RegExp(String.raw`\b[a-z][a-z0-9+.-]{0,15}://[^${END}]+`, 'gi');
/** The key of a stream stands in the path of its address. Ids of orders are shorter, or have hyphens. */
const KEY_IN_PATH = /\/(?:[\w=~.-]{40,}|[\w=~]{32,})(?![\w=~.-])/g;

/**
 * Free text without secrets: what an address asks for and who logs in there, signatures, keys, tokens, passwords and
 * authorization headers, in texts, query strings, JSON and headers alike. What is left still says what failed and where.
 */
export function redact(text: string): string {
  let clean = text.length > LENGTH_MAX ? `${text.slice(0, LENGTH_MAX)}…` : text;
  clean = clean.replace(QUERY, (query) => (HAS_NAME.test(query) ? REDACTED : query));
  for (const [pattern, replacement] of RULES) clean = clean.replace(pattern, replacement);
  return clean.replace(ADDRESS, (address) => address.replace(KEY_IN_PATH, `/${REDACTED}`));
}
