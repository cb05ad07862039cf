import { parse, stringify, TomlError } from 'smol-toml';
import { liveBlockers } from '../../config/live-blockers.js';
import { describeIssues, parseConfig } from '../../config/load.js';
import { oneQuoteCurrency } from '../../config/quote-currency.js';
import { messageOf, RedbuttonError } from '../../core/errors.js';
import { type BoxSection, boxSectionFor } from './box-section.js';
import { zonesOfImage } from './time-zones.js';

/** What the owner's file on the card asks for. */
export interface CardSettings {
  readonly box: BoxSection;
  /** The trader's configuration as TOML; null where the file leaves it as it is. */
  readonly configuration: string | null;
  /** The file without its secrets, to stay on the card: as a reminder, and as a start for the next change. */
  readonly reminder: string;
}

export type CardReading = { readonly settings: CardSettings } | { readonly mistakes: readonly string[] };

/** Where the broker on the box is found; scripts/setup-broker makes it so. */
const BROKER_ON_BOX = { url: 'mqtts://localhost:8883', caFile: '/etc/redbutton/broker-ca.crt' } as const;

const REMINDER = `# Applied. To change something, edit a copy of this file, name it redbutton.toml and start the box again.
# Passwords and keys were moved off the card and left out here; a [box] table that is absent keeps what was set before.

`;

/**
 * Reads the text of the card's `redbutton.toml`. All mistakes are told together, a sentence each. `configured`: the box
 * has a configuration from before, so that the file need not bring one. `zones` are those of the system it is for.
 */
export function readCardFile(text: string, configured: boolean, zones = zonesOfImage()): CardReading {
  let raw: Record<string, unknown>;
  try {
    raw = parse(text);
  } catch (error) {
    const at = error instanceof TomlError ? ` in line ${error.line}, column ${error.column}` : '';
    return { mistakes: [`the file is not TOML${at}: ${messageOf(error).split('\n')[0]}`] };
  }
  const { box: rawBox, ...rest } = raw;
  const mistakes: string[] = [];
  const box = boxSectionFor(zones).safeParse(rawBox ?? {});
  if (!box.success) mistakes.push(...describeIssues(box.error.issues, ['box']));
  const onBox = box.data?.broker?.onBox === true;
  const replaces = Object.keys(rest).length > 0 || !configured;
  if (onBox) mistakes.push(...brokerMistakes(rest, replaces));
  const wanted = onBox ? { ...rest, mqtt: { ...(rest.mqtt as object | undefined), ...BROKER_ON_BOX } } : rest;
  const configuration = replaces ? stringify(wanted) : null;
  if (configuration !== null && Object.keys(rest).length === 0) mistakes.push(nothingToTrade(rawBox));
  else if (configuration !== null) mistakes.push(...configurationMistakes(configuration));
  if (!box.success || mistakes.length > 0) return { mistakes };
  const { wifi: _wifi, credentials: _credentials, ...shown } = box.data;
  const reminder = REMINDER + stringify({ ...(Object.keys(shown).length > 0 && { box: shown }), ...rest });
  return { settings: { box: box.data, configuration, reminder } };
}

/** A file for the machine alone, on a box that has never been told what to trade. */
function nothingToTrade(box: unknown): string {
  const tables = typeof box === 'object' && box !== null ? Object.keys(box) : [];
  const brings =
    tables.length === 0
      ? 'the file sets nothing'
      : tables.length === 1 && tables[0] === 'wifi'
        ? 'the file sets the Wi-Fi alone'
        : `the file sets the machine alone (${tables.map((name) => `box.${name}`).join(', ')})`;
  return `exchange: ${brings}, and a new box has no configuration yet: say in the same file what is to be traded, as [[exchange]] with symbols = ["BTC/USDT"]; redbutton-example.toml shows it`;
}

function brokerMistakes(rest: Readonly<Record<string, unknown>>, replaces: boolean): string[] {
  if (!replaces) {
    return ['box.broker: needs the rest of the configuration in the same file, since it sets [mqtt] there'];
  }
  const mqtt = rest.mqtt as Readonly<Record<string, unknown>> | undefined;
  return mqtt !== undefined && (mqtt.url !== undefined || mqtt.caFile !== undefined)
    ? ['mqtt: url and caFile are set by box.broker.onBox; leave one of the two out']
    : [];
}

/** What the trader would refuse at its start is told now. */
function configurationMistakes(configuration: string): string[] {
  try {
    const config = parseConfig(configuration, 'redbutton.toml');
    oneQuoteCurrency(config);
    return liveBlockers(config).map(({ message, remedy }) => `${message}: ${remedy}`);
  } catch (error) {
    if (!(error instanceof RedbuttonError)) throw error;
    const lines = error.message.split('\n');
    // The list of the loader without its head line, which counts what it found.
    return lines.length > 1
      ? lines.slice(1).map((line) => line.trim())
      : [`${error.message}: ${error.remedy}`];
  }
}
