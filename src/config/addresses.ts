import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { z } from 'zod';

/** What an address of one key may be. */
interface AddressForm {
  /** As in `mqtt`, without `://`. */
  readonly schemes: readonly string[];
  /** The sentence for what has not even the form. */
  readonly expected: string;
  /** Something may follow the host. */
  readonly path: boolean;
}

const LABEL = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;

/**
 * A string that is an address. What `URL` takes is not asked alone: it drops blanks at the end and tabs within, takes port
 * 0, turns `192.168.1` into another address, and says no reason.
 */
export function address(form: AddressForm) {
  return z.string().superRefine((text, context) => {
    const message = addressMistake(text, form);
    if (message !== null) context.addIssue({ code: 'custom', message });
  });
}

/** What is wrong with it; null where nothing is. Never quotes what may be a password. */
function addressMistake(text: string, { schemes, expected, path }: AddressForm): string | null {
  const [, scheme = '', authority = '', rest = ''] = /^([a-z]+):\/\/([^/?#]*)(.*)$/s.exec(text) ?? [];
  if (text.includes('@') || !schemes.includes(scheme)) return expected;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones that may not stand in it
  if (/[\s\u0000-\u001f\u007f]/.test(text)) return 'expected an address without blanks';
  if (!path && rest !== '' && rest !== '/') return expected;
  if (!authority.startsWith('[') && authority.split(':').length > 2) {
    return `expected an IPv6 address in brackets, as in ${scheme}://[fd00::1]:PORT`;
  }
  const [, host = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(authority) ?? [];
  return hostMistake(host) ?? portMistake(port) ?? (URL.canParse(text) ? null : expected);
}

function hostMistake(host: string): string | null {
  if (host.startsWith('[')) {
    const inner = host.slice(1, -1);
    return isIP(inner) === 6 && !inner.includes('%')
      ? null
      : 'expected an IPv6 address, without a zone, in the brackets';
  }
  if (isHost(host)) return null;
  if (host === '') return 'expected a host after ://';
  const ascii = domainToASCII(host);
  return ascii !== host.toLowerCase() && isHost(ascii)
    ? `expected a host of plain letters: write ${ascii}`
    : 'expected a host: a name of letters, digits, dots and hyphens, or an address such as 192.168.1.20';
}

function portMistake(port: string | undefined): string | null {
  if (port === undefined) return null;
  if (!/^\d+$/.test(port)) return 'expected a port of 1 to 65535 after the colon';
  const number = Number(port);
  return number >= 1 && number <= 65_535 ? null : `expected a port of 1 to 65535; there is no port ${port}`;
}

/** Whether it is a host name (RFC 1123, and the underscore of home networks) or an IP address. */
export function isHost(text: string): boolean {
  if (isIP(text) !== 0) return !text.includes('%');
  const labels = text.replace(/\.$/, '').split('.');
  // A name whose last part is a number is an IPv4 address that went wrong.
  return text.length <= 253 && labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1)!);
}
