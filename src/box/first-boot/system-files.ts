import { pbkdf2Sync } from 'node:crypto';
import type { CardSettings } from './card-file.js';

/** A file that the settings become; its path is absolute on the box. */
export interface SystemFile {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
  /**
   * `settings`: of the system, whose root forgets: kept on the data partition and put in place at each start.
   * `state`: below a folder that stands on the data partition itself.
   */
  readonly keep: 'settings' | 'state';
}

/** The one link among the settings: the time zone. */
export interface SystemLink {
  readonly path: string;
  readonly target: string;
}

const CREDENTIALS_DIR = '/etc/redbutton/credentials';
export const CONFIG_FILE = '/etc/redbutton/redbutton.toml';

/** The files that carry out what the card's file asks for, in the order in which they are to be written. */
export function systemFilesOf(settings: CardSettings): {
  readonly files: readonly SystemFile[];
  readonly links: readonly SystemLink[];
} {
  const { box, configuration } = settings;
  const files: SystemFile[] = [];
  const setting = (path: string, content: string, mode = 0o644) =>
    files.push({ path, content, mode, keep: 'settings' });
  const state = (path: string, content: string, mode = 0o644) =>
    files.push({ path, content, mode, keep: 'state' });

  if (box.hostname !== undefined) {
    setting('/etc/hostname', `${box.hostname}\n`);
    setting('/etc/hosts', `127.0.0.1 localhost\n127.0.1.1 ${box.hostname}\n::1 localhost ip6-localhost\n`);
  }
  if (box.timeZone !== undefined) setting('/etc/timezone', `${box.timeZone}\n`);
  if (box.timeServers !== undefined) {
    setting(
      '/etc/systemd/timesyncd.conf.d/redbutton.conf',
      `[Time]\nNTP=${box.timeServers.join(' ')}\nFallbackNTP=\n`,
    );
  }
  if (box.wifi !== undefined) {
    setting('/etc/wpa_supplicant/wpa_supplicant-wlan0.conf', wpaSupplicant(box.wifi), 0o600);
  }
  if (box.ssh !== undefined) {
    setting('/etc/ssh/authorized_keys/owner', box.ssh.keys.map((key) => `${key}\n`).join(''));
  }
  // The configuration comes last: it is what the services wait for, and then all it relies on is there.
  for (const [name, value] of Object.entries(box.credentials ?? {})) {
    state(`${CREDENTIALS_DIR}/${name}`, value, 0o600);
  }
  if (configuration !== null) {
    state(CONFIG_FILE, `# From redbutton.toml on the card; the next one replaces it.\n\n${configuration}\n`);
  }
  const links =
    box.timeZone === undefined
      ? []
      : [{ path: '/etc/localtime', target: `../usr/share/zoneinfo/${box.timeZone}` }];
  return { files, links };
}

/**
 * Name and key in hexadecimal, so that no character of theirs can become a line of its own. The key is the one that WPA2
 * derives of a passphrase (IEEE 802.11-2020, J.4.1: PBKDF2, HMAC-SHA1, 4096 rounds, salted with the name).
 */
function wpaSupplicant(wifi: {
  readonly name: string;
  readonly password: string;
  readonly country: string;
}): string {
  const key = /^[0-9a-fA-F]{64}$/.test(wifi.password)
    ? wifi.password.toLowerCase()
    : pbkdf2Sync(wifi.password, wifi.name, 4096, 32, 'sha1').toString('hex');
  return `ctrl_interface=DIR=/run/wpa_supplicant
update_config=0
country=${wifi.country}
network={
  ssid=${Buffer.from(wifi.name).toString('hex')}
  scan_ssid=1
  key_mgmt=WPA-PSK WPA-PSK-SHA256
  psk=${key}
}
`;
}
