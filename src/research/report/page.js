// Draws the report's charts. Runs in the browser, after uPlot, from the data that stands in the page; asks for nothing.
const { charts, halts, locale } = JSON.parse(document.getElementById('report-data').textContent);
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAY = 86400;
const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';

let colors = readColors();
function readColors() {
  const style = getComputedStyle(document.documentElement);
  const names = [
    'ink',
    'soft',
    'rule',
    'grid',
    'line',
    'wash',
    'quiet',
    'price',
    'dot',
    'halt',
    'halt-wash',
    'paper',
  ];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

function plain(value, places) {
  const text = Math.abs(value).toLocaleString(locale, {
    minimumFractionDigits: places,
    maximumFractionDigits: places,
  });
  return value < 0 && /[1-9]/.test(text) ? `−${text}` : text;
}

/** Places after the point that write a step between ticks in full. */
function placesFor(step) {
  let places = 0;
  while (places < 12 && Math.abs(step * 10 ** places - Math.round(step * 10 ** places)) > 1e-6) places++;
  return places;
}

function tickText(format, value, step) {
  if (format === 'percent') return `${plain(value * 100, placesFor(step * 100))} %`;
  if (Math.abs(value) >= 1e6 && step >= 1e4) return `${plain(value / 1e6, placesFor(step / 1e6))} M`;
  return plain(value, placesFor(step));
}

function valueText(format, value) {
  if (value === null || value === undefined) return '–';
  if (format === 'percent') return `${plain(value * 100, 1)} %`;
  if (format === 'share') return plain(value, 2);
  const size = Math.abs(value);
  return plain(value, size >= 1 || size === 0 ? 2 : Math.min(12, 3 - Math.floor(Math.log10(size))));
}

function dayText(seconds) {
  const date = new Date(seconds * 1000);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
}

function timeText(seconds) {
  const date = new Date(seconds * 1000).toISOString();
  return seconds % DAY === 0 ? date.slice(0, 10) : `${date.slice(0, 10)} ${date.slice(11, 16)}`;
}

/** Words under the ticks of time, as short as the distance between them allows. */
function timeTicks(_plot, ticks, _axis, _space, step) {
  return ticks.map((seconds, i) => {
    const date = new Date(seconds * 1000);
    const year = date.getUTCFullYear();
    const first = i === 0 || new Date(ticks[i - 1] * 1000).getUTCFullYear() !== year;
    if (step >= 360 * DAY) return String(year);
    if (step >= 28 * DAY) return first ? String(year) : MONTHS[date.getUTCMonth()];
    if (step >= DAY || seconds % DAY === 0) return dayText(seconds);
    return date.toISOString().slice(11, 16);
  });
}

const allTimes = charts.flatMap((chart) => [chart.at[0], chart.at[chart.at.length - 1]]);
const firstTime = Math.min(...allTimes);
const lastTime = Math.max(...allTimes);

/** All charts span the same time, so that they stand under each other and zoom together. */
function columns(chart) {
  const before = chart.at[0] > firstTime ? [firstTime] : [];
  const after = chart.at[chart.at.length - 1] < lastTime ? [lastTime] : [];
  const blank = (list) => list.map(() => null);
  return [
    [...before, ...chart.at, ...after],
    ...chart.series.map((series) => [...blank(before), ...series.values, ...blank(after)]),
  ];
}

function drawHalts(plot) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const [from, to] of halts) {
    const left = plot.valToPos(from, 'x', true);
    const right = plot.valToPos(to === null ? lastTime : to, 'x', true);
    const ratio = devicePixelRatio;
    ctx.fillStyle = colors['halt-wash'];
    ctx.fillRect(left, bbox.top, Math.max(right - left, 2 * ratio), bbox.height);
    ctx.fillStyle = colors.halt;
    ctx.fillRect(left - ratio / 2, bbox.top, ratio, bbox.height);
  }
  ctx.restore();
}

function drawLevels(plot, chart) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  for (const level of chart.levels) {
    const y = Math.round(plot.valToPos(level.value, 'y', true));
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    ctx.strokeStyle = colors.ink;
    ctx.lineWidth = 1.25 * ratio;
    ctx.setLineDash([4 * ratio, 4 * ratio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}

function drawMarks(plot, chart) {
  const { ctx, bbox } = plot;
  const { min, max } = plot.scales.x;
  const shown = chart.marks.filter(([at]) => at >= min && at <= max);
  const room = bbox.width / devicePixelRatio / Math.max(1, shown.length);
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  if (room < 3) drawRug(plot, shown);
  else drawTriangles(plot, shown, Math.min(5, room));
  ctx.restore();
}

/** Entries point up from below the price, exits down from above it. */
function drawTriangles(plot, marks, sizeCss) {
  const { ctx } = plot;
  const ratio = devicePixelRatio;
  const size = sizeCss * ratio;
  ctx.lineWidth = ratio;
  ctx.lineJoin = 'round';
  for (const [at, price, entry] of marks) {
    const x = plot.valToPos(at, 'x', true);
    const y = plot.valToPos(price, 'y', true);
    const way = entry ? 1 : -1;
    const tip = y + way * 3 * ratio;
    ctx.beginPath();
    ctx.moveTo(x, tip);
    ctx.lineTo(x - size, tip + way * size * 1.7);
    ctx.lineTo(x + size, tip + way * size * 1.7);
    ctx.closePath();
    ctx.fillStyle = entry ? colors.line : colors.paper;
    ctx.strokeStyle = colors.line;
    ctx.fill();
    ctx.stroke();
  }
}

/** Too many marks for triangles: thin strokes along the foot of the chart, entries in the lower row. */
function drawRug(plot, marks) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const row = 6 * ratio;
  const foot = bbox.top + bbox.height;
  ctx.fillStyle = colors.dot;
  for (const [at, , entry] of marks) {
    const x = Math.round(plot.valToPos(at, 'x', true));
    ctx.fillRect(x, foot - (entry ? 1 : 2) * (row + 2 * ratio), Math.max(1, ratio / 2), row);
  }
}

function seriesOptions(series, width) {
  const color = () => colors[series.color];
  if (series.form === 'dots') {
    // As small as it takes for dots to stay dots, within what can be seen.
    const size = Math.min(3.5, Math.max(2.2, (3 * width) / series.values.length));
    return {
      stroke: color,
      paths: () => null,
      points: { show: true, size, width: 0, stroke: () => colors.dot, fill: () => colors.dot },
    };
  }
  return {
    stroke: color,
    width: series.color === 'quiet' ? 1.25 : 1.5,
    spanGaps: false,
    points: { show: false },
    ...(series.form === 'area' ? { fill: () => colors.wash } : {}),
  };
}

function text(parent, tag, words, className) {
  const element = document.createElement(tag);
  element.textContent = words;
  if (className) element.className = className;
  parent.append(element);
  return element;
}

/** The words beside a chart's title: what each colour is, and its value at the cursor, or the last one. */
function drawLegend(legend, chart, data, at) {
  legend.replaceChildren();
  const chosen = typeof at === 'number' ? at : null;
  if (chosen !== null) text(legend, 'span', timeText(data[0][chosen]));
  chart.series.forEach((series, i) => {
    const entry = text(legend, 'span', '');
    const swatch = text(entry, 'i', '', series.form === 'dots' ? 'dots' : '');
    swatch.style.background = `var(--${series.color})`;
    entry.append(series.label);
    const values = data[i + 1];
    const place = chosen ?? values.findLastIndex((value) => value !== null);
    if (series.form !== 'dots' || chosen !== null) {
      entry.append(' ');
      text(entry, 'b', valueText(chart.format, values[place]));
    }
  });
  for (const level of chart.levels) {
    const entry = text(legend, 'span', '');
    text(entry, 'i', '', 'level');
    entry.append(level.label);
  }
  if (chosen !== null) return;
  if (chart.marks.length > 0) {
    text(text(legend, 'span', ''), 'em', '▲').after('entry');
    text(text(legend, 'span', ''), 'em', '▽').after('exit');
  }
  // The bands stand in every chart; one explanation of them is enough.
  if (halts.length > 0 && chart === charts[0]) {
    const entry = text(legend, 'span', '', 'halted');
    text(entry, 'i', '', 'band');
    entry.append('halted');
  }
}

function axes(chart, narrow) {
  const line = { stroke: () => colors.soft, font: FONT, ticks: { show: false } };
  return [
    {
      ...line,
      grid: { show: false },
      border: { show: true, stroke: () => colors.rule, width: 1 },
      values: timeTicks,
      space: narrow ? 56 : 76,
      size: 26,
      gap: 6,
    },
    {
      ...line,
      grid: { stroke: () => colors.grid, width: 1 },
      values: (_plot, ticks, _axis, _space, step) => ticks.map((tick) => tickText(chart.format, tick, step)),
      space: 36,
      size: narrow ? 56 : 68,
      gap: 8,
    },
  ];
}

function draw(chart) {
  const figure = document.getElementById(chart.id);
  const host = figure.querySelector('.plot');
  const legend = figure.querySelector('.legend');
  const data = columns(chart);
  const narrow = host.clientWidth < 560;
  const plot = new uPlot(
    {
      width: host.clientWidth,
      height: narrow ? Math.round(chart.height * 0.8) : chart.height,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
      legend: { show: false },
      padding: [10, 14, 0, 0],
      cursor: {
        y: false,
        points: { size: 7, width: 0, fill: (_plot, i) => colors[chart.series[i - 1].color] },
        drag: { x: true, y: false },
        sync: { key: 'report', setSeries: false },
      },
      scales: { x: { time: true }, y: chart.range ? { range: () => chart.range } : {} },
      series: [{}, ...chart.series.map((series) => seriesOptions(series, host.clientWidth))],
      axes: axes(chart, narrow),
      hooks: {
        drawClear: [drawHalts],
        draw: [
          (self) => {
            drawLevels(self, chart);
            drawMarks(self, chart);
          },
        ],
        setCursor: [
          (self) => drawLegend(legend, chart, data, self.cursor.left >= 0 ? self.cursor.idx : null),
        ],
      },
    },
    data,
    host,
  );
  drawLegend(legend, chart, data, null);
  new ResizeObserver(() => {
    if (host.clientWidth > 0 && host.clientWidth !== plot.width) {
      plot.setSize({ width: host.clientWidth, height: plot.height });
    }
  }).observe(host);
  return plot;
}

// The words and figures come first on the screen; the charts are drawn right after.
requestAnimationFrame(() =>
  setTimeout(() => {
    const plots = charts.map(draw);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
      colors = readColors();
      for (const plot of plots) plot.redraw();
    });
    document.documentElement.dataset.drawn = String(plots.length);
  }),
);
