import { readdir, readFile } from 'node:fs/promises';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { gauge, type MetricFamily } from './exposition.js';

/**
 * What Prometheus' clients commonly report about a process and Node.js, under the usual names, so that dashboards made for
 * those show this process. Delays of the event loop are those since the last call.
 */
export function createProcessFigures(): () => Promise<readonly MetricFamily[]> {
  const delays = monitorEventLoopDelay();
  delays.enable();

  function eventLoop(): MetricFamily[] {
    // Node.js counts them in nanoseconds; before the first one its least and greatest are no figures.
    const delay = (of: string, help: string, nanoseconds: number) =>
      gauge(`nodejs_eventloop_lag_${of}_seconds`, help, delays.count === 0 ? null : nanoseconds / 1e9);
    const families = [
      delay('min', 'Least delay of the event loop.', delays.min),
      delay('max', 'Greatest delay of the event loop.', delays.max),
      delay('mean', 'Mean delay of the event loop.', delays.mean),
      delay('stddev', 'Standard deviation of the delays of the event loop.', delays.stddev),
      delay('p50', 'Median delay of the event loop.', delays.percentile(50)),
      delay('p90', '90th percentile of the delays of the event loop.', delays.percentile(90)),
      delay('p99', '99th percentile of the delays of the event loop.', delays.percentile(99)),
    ];
    delays.reset();
    return families;
  }

  return async () => [
    ...processorTime(),
    ...(await system()),
    ...eventLoop(),
    ...memory(),
    {
      name: 'nodejs_version_info',
      help: 'Always 1; the version of Node.js is its label.',
      type: 'gauge',
      samples: [{ labels: { version: process.version }, value: 1 }],
    },
  ];
}

function processorTime(): MetricFamily[] {
  const { user, system } = process.cpuUsage();
  const seconds = (name: string, help: string, microseconds: number): MetricFamily => ({
    name: `process_cpu_${name}seconds_total`,
    help,
    type: 'counter',
    samples: [{ value: microseconds / 1e6 }],
  });
  return [
    seconds('user_', 'Processor time spent in the program.', user),
    seconds('system_', 'Processor time spent in the kernel for the program.', system),
    seconds('', 'Processor time spent.', user + system),
  ];
}

/** What the kernel has of this process; what it does not tell (another system, a closed /proc) has no value. */
async function system(): Promise<MetricFamily[]> {
  const read = (file: string) => readFile(`/proc/self/${file}`, 'utf8').catch(() => '');
  const status = await read('status');
  const kibibytes = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN);
  const filesMax = /^Max open files\s+(\d+)/m.exec(await read('limits'))?.[1];
  const files = await readdir('/proc/self/fd').catch(() => null);
  return [
    gauge(
      'process_start_time_seconds',
      'Start of the process, since the Unix epoch.',
      performance.timeOrigin / 1000,
    ),
    gauge('process_virtual_memory_bytes', 'Virtual memory.', kibibytes('VmSize') * 1024),
    gauge('process_heap_bytes', 'Data segment.', kibibytes('VmData') * 1024),
    // Less the one that this listing has open.
    gauge('process_open_fds', 'Open file descriptors.', files && files.length - 1),
    gauge(
      'process_max_fds',
      'Most file descriptors that may be open.',
      filesMax === undefined ? null : Number(filesMax),
    ),
  ];
}

function memory(): MetricFamily[] {
  const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
  return [
    gauge('process_resident_memory_bytes', 'Resident memory.', rss),
    gauge('nodejs_heap_size_total_bytes', 'Size of the JavaScript heap.', heapTotal),
    gauge('nodejs_heap_size_used_bytes', 'Used part of the JavaScript heap.', heapUsed),
    gauge('nodejs_external_memory_bytes', 'Memory outside the heap that JavaScript objects hold.', external),
  ];
}
