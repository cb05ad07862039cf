import { readPlainText } from '../../config/plain-text.js';
import { type CardReading, readCardFile } from './card-file.js';
import { type TimeZones, zonesOfImage } from './time-zones.js';

/** Reads the bytes of the card's `redbutton.toml`; see `readCardFile`. */
export function readCardBytes(
  bytes: Uint8Array,
  configured: boolean,
  zones: TimeZones = zonesOfImage(),
): CardReading {
  const read = readPlainText(bytes);
  if ('mistake' in read) return { mistakes: [read.mistake] };
  if (bytes.includes(0)) {
    return { mistakes: ['the file holds zero bytes: it is damaged, or was not saved as plain text (UTF-8)'] };
  }
  return readCardFile(read.text, configured, zones);
}
