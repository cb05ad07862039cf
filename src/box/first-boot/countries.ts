/** Countries of ISO 3166-1, which the kernel's list of allowed Wi-Fi channels goes by (iso3166.tab of the tz database). */
const CODES: ReadonlySet<string> = new Set(
  `AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD
CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG
GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR
KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF
NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM
SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE
YT ZA ZM ZW`.split(/\s/),
);

/** What is wrong with a country; null where it is one. */
export function countryMistake(given: string): string | null {
  if (CODES.has(given)) return null;
  const meant = meantBy(given.trim());
  return meant === null
    ? 'expected a country of ISO 3166 as in "DE", which says what channels are allowed'
    : `"${given.trim()}" is no code of ISO 3166: write "${meant}"`;
}

/** The code of a country that was written in another way: "uk", "de", "SU", "Germany", "Österreich". */
function meantBy(given: string): string | null {
  const upper = given.toUpperCase();
  if (CODES.has(upper)) return upper;
  if (/^[A-Z]{2}$/.test(upper)) {
    // What a code was replaced by, as the Unicode consortium lists it: UK, SU, YU.
    const region = new Intl.Locale(`und-${upper}`).region ?? '';
    if (region !== upper && CODES.has(region)) return region;
  }
  if (upper === 'USA') return 'US';
  const wanted = given.toLowerCase();
  return [...CODES].find((code) => namesOf(code).some((name) => name.toLowerCase() === wanted)) ?? null;
}

/** A country's name in English and in its own language. */
function namesOf(code: string): string[] {
  const own = new Intl.Locale(`und-${code}`).maximize().language;
  return ['en', own].flatMap(
    (language) => new Intl.DisplayNames([language], { type: 'region' }).of(code) ?? [],
  );
}
