export { brokerIsHere } from './broker-place.js';
export type { LinkTimes } from './link-options.js';
export {
  type AlertsConfig,
  MqttAlerts,
  type MqttAlertsOptions,
  type MqttSink,
} from './mqtt-alerts.js';
export { sendTestAlerts, type TestAlertResult } from './test-alerts.js';
