import { SEVERITIES } from '../../core/alert.js';
import { type Topics, topicsOf } from './topics.js';

/** Where Home Assistant says `online` when it has started (its default birth topic, below the discovery prefix). */
export function homeAssistantStatusTopic(prefix: string): string {
  return `${prefix}/status`;
}

/**
 * The one discovery message that makes the box appear: Home Assistant's device-based discovery (2024.11 and later),
 * `<prefix>/device/<object id>/config`, retained. Field rules: home-assistant.io/integrations/mqtt, "Device discovery
 * payload"; schemas/home-assistant-device.json holds those that apply to the platforms used here.
 */
export function discoveryMessage(
  prefix: string,
  device: string,
  topics: Topics,
  version: string,
  haltTakenBy: 'trader' | 'guard',
): { readonly topic: string; readonly payload: object } {
  const id = `redbutton_${device.replaceAll('-', '_')}`;
  const haltAvailability = topicsOf(device, haltTakenBy).availability;
  const components = {
    ...SENSORS,
    problem: PROBLEM,
    alert: alertOf(topics),
    halt: haltOf(topics, haltAvailability),
  };
  return {
    topic: `${prefix}/device/${id}/config`,
    payload: {
      device: {
        identifiers: [id],
        name: `Redbutton ${device}`,
        manufacturer: 'Redbutton',
        model: 'Trading appliance',
        sw_version: version,
      },
      origin: { name: 'redbutton', sw_version: version },
      state_topic: topics.state,
      availability_topic: topics.availability,
      components: Object.fromEntries(
        // Quality of service is no option that a device shares with its components, so each carries it.
        Object.entries(components).map(([key, { platform, ...more }]) => [
          key,
          { platform, unique_id: `${id}_${key}`, qos: 1, ...more },
        ]),
      ),
    },
  };
}

const MEASURED = { platform: 'sensor', state_class: 'measurement' };

const SENSORS = {
  state: {
    platform: 'sensor',
    name: 'State',
    value_template: '{{ value_json.tradingState }}',
    device_class: 'enum',
    options: ['ACTIVE', 'REDUCING', 'FLATTENING', 'HALTED'],
    icon: 'mdi:octagon-outline',
  },
  equity: {
    ...MEASURED,
    name: 'Equity',
    value_template: '{{ value_json.equity }}',
    suggested_display_precision: 2,
    icon: 'mdi:scale-balance',
  },
  drawdown: {
    ...MEASURED,
    name: 'Drawdown',
    value_template: '{{ value_json.drawdown * 100 if value_json.drawdown is number else None }}',
    unit_of_measurement: '%',
    suggested_display_precision: 1,
    icon: 'mdi:trending-down',
  },
  feed_age: {
    ...MEASURED,
    name: 'Feed age',
    value_template: '{{ value_json.feedAgeMs / 1000 if value_json.feedAgeMs is number else None }}',
    device_class: 'duration',
    unit_of_measurement: 's',
    suggested_display_precision: 0,
    entity_category: 'diagnostic',
  },
  auc: {
    ...MEASURED,
    name: 'Model AUC',
    value_template: '{{ value_json.rollingAuc }}',
    suggested_display_precision: 3,
    icon: 'mdi:chart-bell-curve',
    entity_category: 'diagnostic',
  },
  temperature: {
    ...MEASURED,
    name: 'Temperature',
    value_template: '{{ value_json.temperatureC }}',
    device_class: 'temperature',
    unit_of_measurement: '°C',
    suggested_display_precision: 0,
    entity_category: 'diagnostic',
  },
};

const PROBLEM = {
  platform: 'binary_sensor',
  name: 'Problem',
  device_class: 'problem',
  value_template: "{{ 'ON' if value_json.problem else 'OFF' }}",
  payload_on: 'ON',
  payload_off: 'OFF',
};

function alertOf(topics: Topics) {
  return {
    platform: 'event',
    name: 'Alert',
    state_topic: topics.alert('info').replace(/info$/, '+'),
    event_types: [...SEVERITIES],
    value_template: '{{ dict(value_json, event_type=value_json.severity) | tojson }}',
    icon: 'mdi:bell-alert-outline',
  };
}

function haltOf(topics: Topics, availabilityTopic: string) {
  return {
    platform: 'button',
    name: 'Halt',
    command_topic: topics.commandHalt,
    payload_press: 'halt',
    retain: false,
    icon: 'mdi:alert-octagon',
    availability_topic: availabilityTopic,
  };
}
