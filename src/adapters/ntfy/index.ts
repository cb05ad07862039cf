export { type NtfyServer, postToNtfy } from './ntfy-post.js';
export { createNtfyAlerts, type NtfyAlerts, type NtfyOptions } from './ntfy-sink.js';
