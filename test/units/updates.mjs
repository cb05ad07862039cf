// Updates under a real systemd: a release that works, one that does not come up, and ones that must not be taken.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** `box` is an armed one; `say` prints a line. Leaves it armed. */
export async function updates(work, root, box, say) {
  const inside = path.join(root, 'root/releases');
  mkdirSync(inside, { recursive: true });
  const key = path.join(work, 'release-key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  writeFileSync(
    path.join(root, 'etc/redbutton/release-signers'),
    `redbutton namespaces="redbutton" ${readFileSync(`${key}.pub`, 'utf8')}`,
  );
  const sign = (file) =>
    execFileSync('ssh-keygen', ['-q', '-Y', 'sign', '-f', key, '-n', 'redbutton', file], { stdio: 'ignore' });
  const make = (version) =>
    execFileSync('scripts/build-release', [inside, '--key', key, '--version', version], {
      env: { ...process.env, REDBUTTON_XZ: '0' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    }).trim();
  const update = async (name, ...options) => {
    const startMs = performance.now();
    const file = `/root/releases/${path.basename(name)}`;
    // Whether the simulated market has just let the box buy is not what is asked here.
    const { code, output } = await box.inside(
      'redbutton',
      'update',
      file,
      '--with-open-positions',
      ...options,
    );
    return { code, output, tookMs: performance.now() - startMs };
  };
  const current = async () => (await box.inside('redbutton', '--version')).output.trim();
  const seconds = (value) => `${(value / 1000).toFixed(0)} s`;

  // ── tampered ──
  const good = make('9.0.0');
  const tampered = path.join(inside, 'tampered.tar.xz');
  copyFileSync(good, tampered);
  appendFileSync(tampered, '\0');
  copyFileSync(`${good}.sig`, `${tampered}.sig`);
  const refused = await update(tampered);
  assert.equal(refused.code, 2, refused.output);
  assert.match(refused.output, /not signed/);
  say(
    `a tampered release is refused: ${refused.output.split('\n').find((line) => line.includes('not signed'))}`,
  );

  // ── one that works ──
  const was = await current();
  await box.until('armed', box.armed, 60_000);
  const taken = await update(good);
  assert.equal(taken.code, 0, taken.output);
  assert.equal(await current(), 'redbutton 9.0.0');
  await box.until('armed after the update', box.armed, 60_000);
  say(`${was} → 9.0.0: installed and armed again in ${seconds(taken.tookMs)} (rehearsal included)`);

  // ── one that does not come up ──
  const broken = path.join(work, 'broken');
  mkdirSync(broken);
  execFileSync('tar', ['-xJf', good, '-C', broken]);
  const [name] = readdirSync(broken);
  for (const file of ['release.json', 'package.json']) {
    const place = path.join(broken, name, file);
    writeFileSync(place, readFileSync(place, 'utf8').replace('9.0.0', '9.1.0'));
  }
  appendFileSync(path.join(broken, name, 'dist/cli/run/run.js'), "\nthrow new Error('broken on purpose');\n");
  const file = path.join(inside, 'broken.tar.xz');
  execFileSync('bash', ['-c', `tar -c -C ${broken} ${name} | xz -0 -T0 > ${file}`]);
  sign(file);
  const within = 60;
  const fallen = await update(file, '--ready-within', String(within));
  assert.equal(fallen.code, 1, fallen.output);
  assert.match(fallen.output, /9\.1\.0 was given up/);
  assert.equal(await current(), 'redbutton 9.0.0');
  await box.until('armed after the fall-back', box.armed, 60_000);
  say(
    `9.1.0, whose trader crashes: back on 9.0.0 and armed after ${seconds(fallen.tookMs)}, ${within} s of them the trial`,
  );
}
