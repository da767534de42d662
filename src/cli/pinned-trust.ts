import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  joinTrust,
  openTrustDocument,
  parseTrustedRoot,
  type OpenedTrust,
  type Trust,
} from '../attest/verify/index.ts'
import { readEnvironment } from '../config/environment.ts'
import { MayflyError, messageOf, sha256Hex } from '../lib/index.ts'
import { serverOf } from './operator-api.ts'
import { readText } from './text-file.ts'
import { followRoot, maxVersions } from './trust-fetch.ts'

export interface TrustOptions {
  server?: string
  /** A file: a trust document of Mayfly, or a trusted root of Sigstore (or several, one a line). */
  trust?: string
  /** A file: the root key that signs the trust document, PEM. */
  rootKey?: string
}

export interface PinnedTrust {
  readonly trust: Trust
  /** Whose word is taken, in a sentence. */
  readonly whose: string
  /** What a person should know beside: a key that is pinned for the first time, a server that does not answer. */
  readonly notes: readonly string[]
}

/** What is kept of a server: the root keys that its next trust document has to be signed by, and the newest one. */
interface Kept {
  readonly root: readonly string[]
  readonly version: number
  readonly document: unknown
}

/**
 * Whom to believe: the file that is named; else the server's own trust document, signed by the root key that is pinned for it, from a
 * file or from its first use on. A server that does not answer is believed by its newest document that was seen. Throws `bad_input`
 * and `denied`.
 */
export async function pinnedTrust(options: TrustOptions, folder = trustFolder()): Promise<PinnedTrust> {
  if (options.trust !== undefined) return fromFile(options.trust, options.rootKey)
  const server = serverOf(options)
  const file = folder === undefined ? undefined : join(folder, `${sha256Hex(server)}.json`)
  const kept = file === undefined ? undefined : readKept(file)
  const given = options.rootKey === undefined ? undefined : [readText(options.rootKey)]
  const fetched = await fetchDocument(server)
  if (!fetched.ok && kept === undefined)
    throw new MayflyError(
      'upstream_unreachable',
      `${server} does not say whom to trust (${fetched.why}): name a file with --trust`,
    )
  const document = fetched.ok ? fetched.document : kept?.document
  const pinned = given ?? kept?.root ?? rootsIn(document)
  const minVersion = kept?.version ?? 0
  let opened = openTrustDocument(document, pinned, { minVersion })
  // The root key may have been handed on more than once since.
  if (!opened.ok && opened.reason === 'wrong_root' && fetched.ok && given === undefined) {
    const followed = await followRoot(server, pinned, { from: minVersion, to: versionIn(document) })
    opened = openTrustDocument(document, followed, { minVersion })
  }
  if (!opened.ok)
    throw new MayflyError('denied', `the trust document of ${server} is refused: ${opened.detail}`)
  if (file !== undefined && fetched.ok) keep(file, { ...opened, document })
  const isFirst = given === undefined && kept === undefined
  return {
    trust: opened.trust,
    whose: `${isFirst ? 'pinned by this first use' : 'pinned'}: ${keyNames(opened)} of ${server}, version ${opened.version}`,
    notes: [
      ...(isFirst
        ? [`the root key ${keyNames(opened)} is pinned from now on: compare it, or give it with --root-key`]
        : []),
      ...(fetched.ok ? [] : [`${server} does not answer: its newest trust document that was seen is taken`]),
    ],
  }
}

/** Where nobody says whom to trust everything is shown, as unverified. */
export async function trustOrNone(
  options: TrustOptions,
): Promise<Omit<PinnedTrust, 'trust'> & { readonly trust: PinnedTrust['trust'] | undefined }> {
  try {
    return await pinnedTrust(options)
  } catch (error) {
    if (!(error instanceof MayflyError) || error.code !== 'upstream_unreachable') throw error
    return { trust: undefined, whose: 'nobody', notes: [error.message] }
  }
}

function trustFolder(): string | undefined {
  const { configFolder } = readEnvironment()
  return configFolder === undefined ? undefined : join(configFolder, 'trust')
}

function fromFile(file: string, rootKey: string | undefined): PinnedTrust {
  const text = readText(file)
  const isEnvelope = /"payloadType"\s*:/.test(text.slice(0, 100_000)) && !text.includes('trustedroot+json')
  try {
    if (!isEnvelope) {
      const roots = text.split('\n').every((line) => line.trim() === '' || isJson(line))
        ? text.split('\n').filter((line) => line.trim() !== '')
        : [text]
      return {
        trust: joinTrust(...roots.map(parseTrustedRoot)),
        whose: `the trusted root in ${file}`,
        notes: [],
      }
    }
    if (rootKey === undefined)
      throw new MayflyError(
        'bad_input',
        `${file} is a trust document: give the key that signs it, --root-key PEM`,
      )
    const opened = openTrustDocument(text, [readText(rootKey)])
    if (!opened.ok) throw new MayflyError('denied', `${file} is refused: ${opened.detail}`)
    return { trust: opened.trust, whose: `${keyNames(opened)}, in ${file}`, notes: [] }
  } catch (cause) {
    if (cause instanceof MayflyError) throw cause
    throw new MayflyError('bad_input', `${file} is no trust that can be read: ${messageOf(cause)}`, { cause })
  }
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line)
    return true
  } catch {
    return false
  }
}

/** A key by the SHA-256 of its SPKI, as root documents and revocations name it. */
function keyNames({ root }: Pick<OpenedTrust, 'root'>): string {
  const names = root.map((pem) => {
    const der = Buffer.from(pem.replaceAll(/-----[A-Z ]+-----|\s/g, ''), 'base64')
    return `SHA256:${createHash('sha256').update(der).digest('hex')}`
  })
  return `root key ${names.join(', ')}`
}

const maxDocumentBytes = 4_194_304

async function fetchDocument(
  server: string,
): Promise<{ readonly ok: true; readonly document: unknown } | { readonly ok: false; readonly why: string }> {
  try {
    const response = await fetch(`${server}/.well-known/mayfly/trust.json`, {
      redirect: 'error',
      signal: AbortSignal.timeout(10_000),
    })
    if (!response.ok) return { ok: false, why: `it answered ${response.status}` }
    const text = await response.text()
    if (text.length > maxDocumentBytes) return { ok: false, why: 'its trust document is too long' }
    return { ok: true, document: JSON.parse(text) as unknown }
  } catch (error) {
    return { ok: false, why: messageOf(error) }
  }
}

/** The keys that a document itself names: believed once, at the first use. */
function rootsIn(document: unknown): string[] {
  try {
    const { payload } = document as { payload: string }
    const { root } = JSON.parse(Buffer.from(payload, 'base64').toString()) as { root: unknown[] }
    return root.filter((key) => typeof key === 'string')
  } catch {
    return []
  }
}

/** As the document says, which nobody has verified; of one that says nothing sensible nothing is followed. */
function versionIn(document: unknown): number {
  try {
    const { payload } = document as { payload: string }
    const { version } = JSON.parse(Buffer.from(payload, 'base64').toString()) as { version: unknown }
    return typeof version === 'number' && version <= maxVersions ? version : 0
  } catch {
    return 0
  }
}

function readKept(file: string): Kept | undefined {
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Kept
  } catch (cause) {
    throw new MayflyError(
      'data_folder',
      `${file} cannot be read (${messageOf(cause)}): it pins a root key; remove it to pin one anew`,
      { cause },
    )
  }
}

function keep(file: string, { root, version, document }: Kept): void {
  try {
    mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 })
    const partial = `${file}.${process.pid}`
    writeFileSync(partial, `${JSON.stringify({ root, version, document })}\n`, { mode: 0o600 })
    chmodSync(partial, 0o600)
    renameSync(partial, file)
  } catch (cause) {
    throw new MayflyError('data_folder', `${file} cannot be written: ${messageOf(cause)}`, { cause })
  }
}
