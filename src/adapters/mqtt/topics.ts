import type { Severity } from '../../core/alert.js';

/** Who speaks: trader and guard are two processes with two clients, two availabilities and one device name. */
export type MqttRole = 'trader' | 'guard';

/** Every topic of one box. Device names hold only a-z, 0-9 and hyphens (configuration), so they cannot break a topic. */
export interface Topics {
  readonly availability: string;
  readonly state: string;
  readonly health: string;
  readonly fill: string;
  readonly commandHalt: string;
  alert(severity: Severity): string;
}

export function topicsOf(device: string, role: MqttRole): Topics {
  const root = `redbutton/${device}`;
  return {
    availability: role === 'trader' ? `${root}/availability` : `${root}/guard/availability`,
    state: `${root}/state`,
    health: `${root}/health`,
    fill: `${root}/fill`,
    commandHalt: `${root}/cmd/halt`,
    alert: (severity) => `${root}/alert/${severity}`,
  };
}
