export { type BackgroundOptions, runInBackground } from './background-process.js';
export { serveBackground } from './serve-background.js';
