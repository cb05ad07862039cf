export { renderReport } from './render-report.js';
export {
  type ReasonCount,
  type ReportAccount,
  type ReportData,
  type ReportHalt,
  type ReportInstrument,
  type ReportMark,
  TRADES_SHOWN_MAX,
} from './report-data.js';
