import { openTrustDocument, parseTrustedRoot, Refusal, type Trust } from '../../attest/verify/index.ts'
import { MayflyError } from '../../lib/index.ts'
import { namedServer } from '../server-url.ts'
import { readText } from '../text-file.ts'

/** Files that say whose signatures count: one of the three roots; without any, the document of the server that is named, by its root key. */
export interface TrustNamed {
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
}

/** Throws `bad_input`, and what `pinnedTrust` throws. */
export async function trustInUse(named: TrustNamed): Promise<TrustInUse> {
  const { root, trustDocument, trustedRoot, sharedRoot } = named
  if (sharedRoot !== undefined) return { roots: rootsIn(sharedRoot), own: false }
  if (trustedRoot !== undefined) return { roots: ownRootsIn(trustedRoot), own: true }
  if (trustDocument === undefined) return { roots: [await ofServer(named)], own: true }
  if (root === undefined)
    throw new MayflyError('bad_input', '--trust-document is signed by a root key: say which by --root FILE')
  const opened = openTrustDocument(readText(trustDocument), keysIn(root))
  if (!opened.ok)
    throw new MayflyError('bad_input', `${trustDocument} is not taken: ${opened.detail} (${opened.reason})`)
  return { roots: [opened.trust], own: true }
}

/** By the root key that is given, or was pinned for it. */
async function ofServer({ server, root }: TrustNamed): Promise<Trust> {
  if (namedServer(server) === undefined)
    throw new MayflyError(
      'bad_input',
      'say whose signatures count: --trusted-root, --shared-root, --root with --trust-document, or --server',
    )
  const { pinnedTrust } = await import('../pinned-trust.ts')
  const { trust, notes } = await pinnedTrust({
    ...(server === undefined ? {} : { server }),
    ...(root === undefined ? {} : { rootKey: root }),
  })
  for (const note of notes) process.stderr.write(`mayfly: ${note}\n`)
  return trust
}

function keysIn(path: string): readonly string[] {
  const keys = readText(path).match(/-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----\r?\n?/g)
  if (keys === null) throw new MayflyError('bad_input', `${path} holds no public key in PEM`)
  return keys
}

/** Public instances sign for anybody: what a statement says of a role there, anybody may have written. */
const shared = /(?:^|\.)(?:sigstore\.dev|sigstage\.dev|githubapp\.com|github\.com)$/

function ownRootsIn(path: string): readonly Trust[] {
  const roots = rootsIn(path)
  const found = roots
    .flatMap(({ authorities }) => authorities)
    .map(({ uri }) => (URL.canParse(uri) ? new URL(uri).hostname : ''))
    .find((host) => shared.test(host))
  if (found === undefined) return roots
  throw new MayflyError(
    'bad_input',
    `${path} is the root of ${found}, which signs for everybody: name it by --shared-root (shared_root in a policy), and demand issuer with repository_id`,
  )
}

/** One root in JSON, or one on each line, as `gh attestation trusted-root` prints them. */
function rootsIn(path: string): readonly Trust[] {
  const text = readText(path)
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const isLines = lines.length > 1 && lines.every((line) => /^\{.*\}\s*$/.test(line))
  try {
    return (isLines ? lines : [text]).map((one) => parseTrustedRoot(one))
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause
    throw new MayflyError('bad_input', `${path}: ${cause.message}`, { cause })
  }
}
