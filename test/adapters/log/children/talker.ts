import { createLog } from '../../../../src/adapters/log/log.js';

/** One line of each level. */
const log = createLog('trace');
log.debug('debug');
log.info({ some: 'field' }, 'info');
log.warn('warn');
log.error(new Error('an error\nof two lines'), 'error');
log.fatal('fatal');
