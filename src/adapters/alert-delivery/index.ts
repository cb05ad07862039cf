export type { AlertLog } from './alert-log.js';
export { createDaily, type Daily } from './daily.js';
export { fanOut } from './fan-out.js';
