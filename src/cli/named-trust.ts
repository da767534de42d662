import {
  joinTrust,
  openTrustDocument,
  parseTrustedRoot,
  publicInstanceIn,
  Refusal,
  type Trust,
} from '../attest/verify/index.ts'
import { MayflyError } from '../lib/index.ts'
import { readRootKeys } from './root-keys.ts'
import {
  documentStored,
  endedDocument,
  keysElsewhere,
  oldDocument,
  oldRoot,
  rootStored,
  versionOf,
} from './stored-trust.ts'
import { defaultServer, namedServer } from './server-url.ts'
import { readJsonLines, readJsonText } from './text-file.ts'
import type { TrustPins } from './trust-pins.ts'

/** Files that say whose signatures count: one of the three roots; without any, the document of the server that is named, by its root key. */
export interface TrustNamed {
  /** The root key, PEM: of the trust document that is named, or of the server's. */
  readonly root?: string | undefined
  readonly trustDocument?: string | undefined
  readonly trustedRoot?: string | undefined
  readonly sharedRoot?: string | undefined
  readonly server?: string | undefined
}

/** Roots, of which each is asked by itself: what one of them wants of a certificate the other need not. */
export interface TrustInUse {
  readonly roots: readonly Trust[]
  /** They sign for Mayfly alone. */
  readonly own: boolean
  /** In words. */
  readonly whose: string
  /** What a person should know beside: a key that is pinned for the first time, a server that does not answer. */
  readonly notes: readonly string[]
  /** Of a file: how old it is, and how a newer one is had, for what it does not know. */
  readonly stored?: string
  /** The same for a key without a certificate, where that is told otherwise. */
  readonly storedKeys?: string
}

/** Throws `bad_input`, and what `fetchTrust` throws. */
export async function trustInUse(named: TrustNamed, pins?: TrustPins): Promise<TrustInUse> {
  const { root, trustDocument, trustedRoot, sharedRoot } = named
  refuseSeveralRoots(named)
  if (trustDocument !== undefined) return ofDocument(trustDocument, root)
  if (sharedRoot !== undefined) return ofFile(rootsIn(sharedRoot), false, sharedRoot)
  if (trustedRoot !== undefined) {
    const roots = ownRootsIn(trustedRoot)
    return {
      ...ofFile(roots, true, trustedRoot),
      notes: oldRoot(trustedRoot, roots, Date.now()),
      stored: rootStored(trustedRoot, roots),
      storedKeys: keysElsewhere(trustedRoot),
    }
  }
  return await ofServer(named, pins)
}

/** Throws `bad_input`. */
export function refuseSeveralRoots({ root, trustedRoot, sharedRoot }: TrustNamed): void {
  if ([root, trustedRoot, sharedRoot].filter((one) => one !== undefined).length > 1)
    throw new MayflyError('bad_input', 'name one of --root, --trusted-root and --shared-root')
}

export type TrustOptions = Omit<TrustNamed, 'sharedRoot'>

export interface OneTrust extends Pick<TrustInUse, 'whose' | 'notes'> {
  readonly trust: Trust
}

/** The same where no server need be named: it is then the one of this machine. */
export async function trustOf(options: TrustOptions, pins?: TrustPins): Promise<OneTrust> {
  const server = namedServer(options.server) ?? defaultServer
  const { roots, whose, notes } = await trustInUse({ ...options, server }, pins)
  return { trust: joinTrust(...roots), whose, notes }
}

/** Where nobody says whom to trust everything is shown, as unverified. */
export async function trustOrNone(
  options: TrustOptions,
): Promise<Omit<OneTrust, 'trust'> & { readonly trust: Trust | undefined }> {
  try {
    return await trustOf(options)
  } catch (error) {
    if (!(error instanceof MayflyError) || error.code !== 'upstream_unreachable') throw error
    return { trust: undefined, whose: 'nobody', notes: [error.message] }
  }
}

const ofFile = (roots: readonly Trust[], own: boolean, path: string): TrustInUse => ({
  ...{ roots, own, notes: [] },
  whose: `the trusted root in ${path}`,
})

function ofDocument(path: string, root: string | undefined): TrustInUse {
  if (root === undefined)
    throw new MayflyError('bad_input', '--trust-document is signed by a root key: say which by --root FILE')
  const [text, keys, nowMs] = [readJsonText(path), readRootKeys(root), Date.now()]
  const opened = openTrustDocument(text, keys, { nowMs })
  if (!opened.ok) {
    const ended =
      opened.reason === 'expired' ? openTrustDocument(text, keys, { nowMs, mayHaveEnded: true }) : opened
    throw new MayflyError(
      'denied',
      ended.ok
        ? endedDocument(path, ended, root)
        : `${path} is not taken: ${opened.detail} (${opened.reason})${handedOn(opened.reason, path, root)}`,
    )
  }
  return {
    ...{ roots: [opened.trust], own: true },
    whose: `the root key in ${root}, ${versionOf(opened)} of the trust document in ${path}`,
    notes: oldDocument(path, opened, root, nowMs),
    stored: documentStored(path, opened, root),
  }
}

/** A server that handed its root key on shows documents that the key before did not sign. */
function handedOn(reason: string, path: string, root: string): string {
  if (reason !== 'wrong_root') return ''
  return `: if the root key was handed on, mayfly attest root fetch --server URL --root ${root} --document ${path} --root-out ${root} follows it, and writes both`
}

/** By the root key that is given, or was pinned for it. */
async function ofServer(named: TrustNamed, pins: TrustPins | undefined): Promise<TrustInUse> {
  const server = namedServer(named.server)
  if (server === undefined)
    throw new MayflyError(
      'bad_input',
      'say whose signatures count: --trusted-root, --shared-root, --root with --trust-document, or --server',
    )
  const { fetchTrust } = await import('./trust-fetch.ts')
  const fetched = await fetchTrust(server, { root: named.root, ...(pins === undefined ? {} : { pins }) })
  const { opened, whose, notes } = fetched
  return { roots: [opened.trust], own: true, whose, notes }
}

function ownRootsIn(path: string): readonly Trust[] {
  const roots = rootsIn(path)
  const found = roots.map(publicInstanceIn).find((name) => name !== undefined)
  if (found === undefined) return roots
  throw new MayflyError(
    'bad_input',
    `${path} is the root of ${found}, which signs for everybody: name it by --shared-root of mayfly verify (shared_root in a policy), and demand issuer with repository_id`,
  )
}

/** One root in JSON, or one on each line, as `gh attestation trusted-root` prints them. */
function rootsIn(path: string): readonly Trust[] {
  const texts = readJsonLines(path)
  try {
    return texts.map((one) => parseTrustedRoot(one))
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    throw new MayflyError('bad_input', `${path}: ${cause.message}`, { cause })
  }
}
