import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

/** Why no signed archive can be made here. */
export function noGpg(): string | false {
  const missing = ['gpg', 'gpgv'].filter((program) => spawnSync(program, ['--version']).status !== 0)
  return missing.length === 0 ? false : `not here: ${missing.join(', ')} (apt-get install gpg gpgv)`
}

/** A key that an archive signs with, in a folder of its own. */
export interface SigningKey extends Disposable {
  /** In armour, as `keyring` of a connection has it. */
  readonly keyring: string
  clearSign(text: string): Buffer
  sign(text: string): Buffer
}

export function createSigningKey(): SigningKey {
  const home = mkdtempSync(join(tmpdir(), 'mayfly-gpg-'))
  const gpg = (args: readonly string[], input = '') =>
    execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', '--armor', ...args], {
      input: Buffer.from(input, 'latin1'),
      stdio: ['pipe', 'pipe', 'ignore'],
    })
  gpg(['--passphrase', '', '--quick-gen-key', 'Archive <archive@example.test>', 'ed25519', 'sign', '1d'])
  return {
    keyring: gpg(['--export']).toString(),
    clearSign: (text) => gpg(['--clear-sign'], text),
    sign: (text) => gpg(['--detach-sign'], text),
    [Symbol.dispose]() {
      spawnSync('gpgconf', ['--homedir', home, '--kill', 'all'])
      rmSync(home, { recursive: true, force: true })
    },
  }
}

export interface ArchivePackage {
  readonly name: string
  readonly version: string
  readonly bytes: Buffer
  readonly architecture?: string
  /** Where it says that it lies; the file lies there, too. */
  readonly filename?: string
}

export interface ArchiveOptions {
  readonly packages: readonly ArchivePackage[]
  readonly key: SigningKey
  readonly suite?: string
  readonly at?: Date
  readonly validUntil?: Date
  /** Further files that the Release lists. */
  readonly more?: Readonly<Record<string, Buffer>>
  /** In the place of SHA256. */
  readonly digest?: 'md5' | 'sha512'
}

export const folder = 'dists/stable'
export const indexPath = `${folder}/main/binary-amd64/Packages.gz`

/** An archive with one suite and one component, by path; signed both ways. */
export function makeArchive(options: ArchiveOptions): Map<string, Buffer> {
  const { packages, more = {} } = options
  const files = new Map<string, Buffer>()
  for (const one of packages) files.set(placeOf(one).replace(/^\.\//, ''), one.bytes)
  const index = Buffer.from(packages.map(paragraphOf).join('\n'))
  const listed = {
    'main/binary-amd64/Packages': index,
    'main/binary-amd64/Packages.gz': gzipSync(index),
    ...more,
  }
  for (const [path, bytes] of Object.entries(listed)) files.set(`${folder}/${path}`, bytes)
  const text = releaseText(options, listed)
  files.set(`${folder}/InRelease`, options.key.clearSign(text))
  return files
}

export function placeOf({ name, version, architecture = 'all', filename }: ArchivePackage): string {
  return (
    filename ??
    `pool/main/${name.slice(0, 1)}/${name}/${name}_${version.replace(/^\d+:/, '')}_${architecture}.deb`
  )
}

function paragraphOf(one: ArchivePackage): string {
  const { name, version, bytes, architecture = 'all' } = one
  return [
    `Package: ${name}`,
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    'Maintainer: Octo <octo@example.test>',
    'Description: says hello',
    ' more of it: in a second line',
    `Filename: ${placeOf(one)}`,
    `Size: ${bytes.length}`,
    `SHA256: ${digest('sha256', bytes)}`,
    '',
  ].join('\n')
}

export function releaseText(
  { suite = 'stable', at = new Date(), validUntil, digest: algorithm = 'sha256' as 'md5' }: ArchiveOptions,
  listed: Readonly<Record<string, Buffer>>,
): string {
  const names = { md5: 'MD5Sum', sha256: 'SHA256', sha512: 'SHA512' }
  return [
    'Origin: Octo',
    `Suite: ${suite}`,
    `Codename: ${suite}`,
    `Date: ${at.toUTCString().replace('GMT', 'UTC')}`,
    ...(validUntil === undefined ? [] : [`Valid-Until: ${validUntil.toUTCString().replace('GMT', 'UTC')}`]),
    'Acquire-By-Hash: yes',
    'Architectures: all amd64',
    'Components: main',
    `${names[algorithm]}:`,
    ...Object.entries(listed).map(([path, bytes]) => ` ${digest(algorithm, bytes)} ${bytes.length} ${path}`),
    '',
  ].join('\n')
}

export function digest(algorithm: string, bytes: Buffer): string {
  return createHash(algorithm).update(bytes).digest('hex')
}
