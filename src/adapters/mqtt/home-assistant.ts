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
  // Quality of service is no option that a device shares with its components, so each carries it.
  const sure = { qos: 1 };
  const sensor = (key: string, name: string, valueTemplate: string, more: object) => ({
    [key]: {
      platform: 'sensor',
      unique_id: `${id}_${key}`,
      name,
      value_template: valueTemplate,
      ...sure,
      ...more,
    },
  });
  const measured = { state_class: 'measurement' };
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
      components: {
        ...sensor('state', 'State', '{{ value_json.tradingState }}', {
          device_class: 'enum',
          options: ['ACTIVE', 'REDUCING', 'FLATTENING', 'HALTED'],
          icon: 'mdi:octagon-outline',
        }),
        ...sensor('equity', 'Equity', '{{ value_json.equity }}', {
          ...measured,
          suggested_display_precision: 2,
          icon: 'mdi:scale-balance',
        }),
        ...sensor(
          'drawdown',
          'Drawdown',
          '{{ value_json.drawdown * 100 if value_json.drawdown is number else None }}',
          {
            ...measured,
            unit_of_measurement: '%',
            suggested_display_precision: 1,
            icon: 'mdi:trending-down',
          },
        ),
        ...sensor(
          'feed_age',
          'Feed age',
          '{{ value_json.feedAgeMs / 1000 if value_json.feedAgeMs is number else None }}',
          {
            ...measured,
            device_class: 'duration',
            unit_of_measurement: 's',
            suggested_display_precision: 0,
            entity_category: 'diagnostic',
          },
        ),
        ...sensor('auc', 'Model AUC', '{{ value_json.rollingAuc }}', {
          ...measured,
          suggested_display_precision: 3,
          icon: 'mdi:chart-bell-curve',
          entity_category: 'diagnostic',
        }),
        ...sensor('temperature', 'Temperature', '{{ value_json.temperatureC }}', {
          ...measured,
          device_class: 'temperature',
          unit_of_measurement: '°C',
          suggested_display_precision: 0,
          entity_category: 'diagnostic',
        }),
        problem: {
          platform: 'binary_sensor',
          unique_id: `${id}_problem`,
          ...sure,
          name: 'Problem',
          device_class: 'problem',
          value_template: "{{ 'ON' if value_json.problem else 'OFF' }}",
          payload_on: 'ON',
          payload_off: 'OFF',
        },
        alert: {
          platform: 'event',
          unique_id: `${id}_alert`,
          ...sure,
          name: 'Alert',
          state_topic: topics.alert('info').replace(/info$/, '+'),
          event_types: [...SEVERITIES],
          value_template: '{{ dict(value_json, event_type=value_json.severity) | tojson }}',
          icon: 'mdi:bell-alert-outline',
        },
        halt: {
          platform: 'button',
          unique_id: `${id}_halt`,
          ...sure,
          name: 'Halt',
          command_topic: topics.commandHalt,
          payload_press: 'halt',
          retain: false,
          icon: 'mdi:alert-octagon',
          availability_topic: topicsOf(device, haltTakenBy).availability,
        },
      },
    },
  };
}
