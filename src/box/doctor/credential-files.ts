import { readdirSync, readFileSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { type Check, type Finding, failed, findingOf, ok, warning } from './finding.js';

const octal = (mode: number) => (mode & 0o777).toString(8).padStart(4, '0');

/** Who can read the secrets, and whether each is whole. The configuration must not be changed by just anybody. */
export const credentialFiles: Check = {
  name: 'credentials',
  async look({ credentialsDir, configFile }) {
    return [credentials(credentialsDir), configuration(configFile)];
  },
};

function credentials(dir: string): Finding {
  const check = 'credentials';
  let names: string[];
  let folder: Stats;
  try {
    folder = statSync(dir);
    names = readdirSync(dir).filter((name) => !name.startsWith('.'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      return ok(check, `none: there is no ${dir} (or they come from the environment)`);
    return findingOf(check, error);
  }
  const wrong: string[] = [];
  if ((folder.mode & 0o077) !== 0) wrong.push(`${dir} is ${octal(folder.mode)}`);
  const empty: string[] = [];
  for (const name of names) {
    const file = path.join(dir, name);
    const { mode, uid } = statSync(file);
    if ((mode & 0o077) !== 0) wrong.push(`${name} is ${octal(mode)}`);
    else if (uid !== folder.uid) wrong.push(`${name} belongs to user ${uid}`);
    if (readFileSync(file, 'utf8').trim() === '') empty.push(name);
  }
  if (wrong.length > 0) {
    return failed(
      check,
      `others can read or change secrets: ${wrong.join(', ')}`,
      `sudo chown -R root: ${dir} && sudo chmod -R go= ${dir}; then change those keys and passwords`,
    );
  }
  if (empty.length > 0)
    return warning(
      check,
      `empty, so counted as none: ${empty.join(', ')}`,
      'write the secret, or remove the file',
    );
  return ok(check, `${names.length} in ${dir}, for their owner alone`);
}

function configuration(file: string): Finding {
  try {
    const { mode } = statSync(file);
    return (mode & 0o022) === 0
      ? ok('configuration', `${file} is valid`)
      : failed(
          'configuration',
          `${file} is ${octal(mode)}: others can change how the box trades`,
          `sudo chmod go-w ${file}`,
        );
  } catch (error) {
    return findingOf('configuration', error);
  }
}
