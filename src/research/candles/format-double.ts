/**
 * A double as C's `printf("%.17g")` writes it: 17 significant digits, which parse back to the identical double, and the
 * form that pandas' and numpy's `%.17g` files use. `nan`, `inf` and `-inf` are spelled so.
 */
export function formatDouble17(x: number): string {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? 'nan' : x > 0 ? 'inf' : '-inf';
  if (x === 0) return Object.is(x, -0) ? '-0' : '0';
  if (Number.isInteger(x) && Math.abs(x) <= Number.MAX_SAFE_INTEGER) return String(x);

  const text = seventeenDigits(x);
  const e = text.indexOf('e');
  const mantissa = e < 0 ? text : text.slice(0, e);
  if (e >= 0) return `${withoutTrailingZeros(mantissa)}${exponentText(Number(text.slice(e + 1)))}`;

  // JavaScript keeps plain notation down to 1e-6, C only down to 1e-4.
  if (Math.abs(x) < 1e-4) {
    const negative = mantissa.startsWith('-');
    const point = mantissa.indexOf('.');
    let first = point + 1;
    while (mantissa[first] === '0') first++;
    const digits = `${mantissa[first]}.${mantissa.slice(first + 1)}`;
    return `${negative ? '-' : ''}${withoutTrailingZeros(digits)}${exponentText(point - first)}`;
  }
  return withoutTrailingZeros(mantissa);
}

/**
 * Seventeen significant digits, halves to even. `toPrecision` rounds the exact value but takes halves away from zero;
 * a half occurs only where the exact value ends in a 5 as digit 18, and shows itself by an odd digit 17.
 */
function seventeenDigits(x: number): string {
  const text = x.toPrecision(17);
  const e = text.indexOf('e');
  const last = e < 0 ? text.length - 1 : e - 1;
  if ((text.charCodeAt(last) & 1) === 0) return text;
  if (!significant(x.toPrecision(21)).endsWith('5000')) return text;
  if (!/^50*$/.test(significant(x.toPrecision(100)).slice(17))) return text;
  const even = String.fromCharCode(text.charCodeAt(last) - 1);
  return `${text.slice(0, last)}${even}${text.slice(last + 1)}`;
}

function significant(text: string): string {
  const e = text.indexOf('e');
  return (e < 0 ? text : text.slice(0, e)).replace(/[-.]/g, '').replace(/^0+/, '');
}

function withoutTrailingZeros(mantissa: string): string {
  if (!mantissa.includes('.')) return mantissa;
  let end = mantissa.length;
  while (mantissa[end - 1] === '0') end--;
  return mantissa.slice(0, mantissa[end - 1] === '.' ? end - 1 : end);
}

function exponentText(exponent: number): string {
  const digits = String(Math.abs(exponent)).padStart(2, '0');
  return `e${exponent < 0 ? '-' : '+'}${digits}`;
}
