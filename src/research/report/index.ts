export { renderReport } from './render-report.js';
export type {
  ReasonCount,
  ReportAccount,
  ReportData,
  ReportHalt,
  ReportInstrument,
  ReportMark,
  ReportTrade,
} from './report-data.js';
