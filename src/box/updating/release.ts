import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { renameDurably } from '../../adapters/files/durable-file.js';
import { badInput, messageOf } from '../../core/errors.js';
import { compareVersions } from '../../core/versions.js';

const run = promisify(execFile);

/** Who signs releases, as ssh-keygen names it; a signature made for anything else does not count. */
const IDENTITY = 'redbutton';
const NAMESPACE = 'redbutton';
const VERSION = /^\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]{1,40})?$/;

/** `release.json` at the root of a release. */
export interface Release {
  readonly version: string;
  /** Node's name for the processor its compiled parts are for: x64, arm64. */
  readonly arch: string;
  /** Oldest major version of Node it runs on. */
  readonly nodeMajorMin: number;
}

export interface ReleaseOptions {
  readonly file: string;
  /** `allowed_signers` of ssh-keygen(1). */
  readonly signers: string;
  /** Where versions stand beside each other. */
  readonly versionsDir: string;
  /** The version that runs. */
  readonly installed: string;
  /** Take one that is not newer. */
  readonly allowOlder: boolean;
}

/**
 * Verifies a release file and unpacks it beside the versions that are there; resolves to the new one. What is verified is
 * a copy that nobody else can write, and just that is unpacked. Throws `E_UPDATE_FILE`, `E_UPDATE_SIGNATURE`,
 * `E_UPDATE_RELEASE`, `E_UPDATE_ARCH`, `E_UPDATE_OLDER`; nothing is left behind then.
 */
export async function unpackRelease(options: ReleaseOptions): Promise<Release> {
  const { versionsDir } = options;
  const work = path.join(versionsDir, `.incoming-${process.pid}`);
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true, mode: 0o700 });
  try {
    const file = path.join(work, 'release.tar.xz');
    try {
      await copyFile(options.file, file);
      await copyFile(`${options.file}.sig`, `${file}.sig`);
    } catch (error) {
      throw badInput(
        'E_UPDATE_FILE',
        `the release or its signature cannot be read: ${messageOf(error)}`,
        'bring FILE.tar.xz and FILE.tar.xz.sig, side by side',
        error,
      );
    }
    await verifySignature(file, options.signers);
    const tree = path.join(work, 'tree');
    await mkdir(tree, { mode: 0o755 });
    await run('tar', ['-xJf', file, '-C', tree, '--no-same-owner', '--strip-components=1']);
    const release = await readRelease(tree);
    checkFits(release, options);
    const target = path.join(versionsDir, release.version);
    // One of an attempt before that did not stay; the one that runs was refused above.
    await rm(target, { recursive: true, force: true });
    await run('sync', ['-f', tree]);
    await renameDurably(tree, target);
    return release;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function verifySignature(file: string, signers: string): Promise<void> {
  const verify = ['-Y', 'verify', '-f', signers, '-I', IDENTITY, '-n', NAMESPACE, '-s', `${file}.sig`];
  // A shell only to hand the file in; names go in as arguments, never as text.
  const script = 'file=$1; shift; exec ssh-keygen "$@" < "$file"';
  try {
    await run('/bin/sh', ['-c', script, 'sh', file, ...verify]);
  } catch (error) {
    const said = `${(error as { stdout?: string }).stdout ?? ''}${(error as { stderr?: string }).stderr ?? ''}`;
    throw badInput(
      'E_UPDATE_SIGNATURE',
      `the release is not signed by anybody in ${signers}: ${said.trim().split('\n')[0] || messageOf(error)}`,
      'download the file again from where it is published; do not install this one',
      error,
    );
  }
}

async function readRelease(tree: string): Promise<Release> {
  try {
    const { version, arch, nodeMajorMin } = JSON.parse(
      await readFile(path.join(tree, 'release.json'), 'utf8'),
    ) as Partial<Release>;
    if (typeof version !== 'string' || !VERSION.test(version) || typeof arch !== 'string')
      throw new Error('release.json names no version');
    await readFile(path.join(tree, 'scripts/activate'));
    return { version, arch, nodeMajorMin: nodeMajorMin ?? 20 };
  } catch (error) {
    throw badInput(
      'E_UPDATE_RELEASE',
      `this is no release of redbutton: ${messageOf(error)}`,
      'make one with scripts/build-release',
      error,
    );
  }
}

function checkFits(release: Release, { installed, allowOlder }: ReleaseOptions): void {
  const { version, arch, nodeMajorMin } = release;
  if (arch !== process.arch) {
    throw badInput(
      'E_UPDATE_ARCH',
      `release ${version} is for ${arch}, this box is ${process.arch}`,
      'take the other file',
    );
  }
  const major = Number.parseInt(process.versions.node, 10);
  if (major < nodeMajorMin) {
    throw badInput(
      'E_UPDATE_ARCH',
      `release ${version} needs Node.js ${nodeMajorMin} or newer, here is ${process.versions.node}`,
      'update the system first: redbutton os-update',
    );
  }
  // An old release is signed as well as a new one: without this, its known faults could be brought back.
  const order = compareVersions(version, installed);
  if (version === installed || (order <= 0 && !allowOlder)) {
    throw badInput(
      'E_UPDATE_OLDER',
      version === installed
        ? `release ${version} is installed already`
        : `release ${version} is older than ${installed}, which is installed`,
      version === installed ? 'nothing to do' : 'say --allow-older if you mean it',
    );
  }
}

/** Takes away versions that are neither of `kept`. */
export async function removeOtherVersions(versionsDir: string, kept: readonly string[]): Promise<void> {
  for (const name of await readdir(versionsDir)) {
    if (!kept.includes(name)) await rm(path.join(versionsDir, name), { recursive: true, force: true });
  }
}
