export { renderReport } from './render-report.js';
export {
  type ReasonCount,
  type ReportAccount,
  type ReportData,
  type ReportHalt,
  type ReportInstrument,
  type ReportMark,
  type ReportTrade,
  TRADES_SHOWN_MAX,
} from './report-data.js';
