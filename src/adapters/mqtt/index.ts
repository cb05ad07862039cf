export type { AlertLog } from '../alert-delivery/alert-log.js';
export { brokerIsHere } from './broker-place.js';
export type { MqttConfig, MqttCredentials } from './connect-options.js';
export type { LinkTimes } from './link-options.js';
export {
  type AlertsConfig,
  createMqttAlerts,
  type MqttAlerts,
  type MqttAlertsOptions,
  type MqttSink,
} from './mqtt-alerts.js';
export { sendTestAlerts, type TestAlertResult } from './test-alerts.js';
export { type MqttRole, type Topics, topicsOf } from './topics.js';
