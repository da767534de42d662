import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { FatalError } from '../../lib/index.ts'
import { type FileSystem, makeFolder, namesIn, readIfThere, replaceFile, syncFolder } from '../disk/index.ts'
import { makeChain, privateKeyOf } from './chain.ts'
import type { TimestampSigner } from './token.ts'

/** An authority as trust documents name it. */
export interface TimestampChain {
  /** PEM, the leaf first. */
  readonly chain: readonly string[]
  readonly sinceMs: number
  /** Of one that was replaced: when it had signed its last timestamp. */
  readonly untilMs?: number
}

export interface ChainStore {
  /** Oldest first; the last one signs. */
  chains(): readonly TimestampChain[]
  /** The one that signs after the next rotation, if it is announced. */
  next(): TimestampChain | undefined
  signer(): TimestampSigner
  /** Makes the next one, unless there is one. It signs nothing yet. */
  announce(nowMs: number): Promise<void>
  /** The announced one signs from now on, or another that is made now. The key of the one before is deleted, so it never signs again. */
  rotate(nowMs: number): Promise<void>
}

interface Made {
  readonly key: string
  readonly chain: readonly string[]
}

interface Stored extends TimestampChain {
  /** It was announced before, if that is later than its begin. */
  readonly signsFromMs: number
}

/**
 * The chains in `folder`, `<number>.pem` each, and the key of the newest, `<number>.key`; of one that was announced before, `<number>.since`
 * says when it began to sign. The announced one is `next.pem` with its key. The first is made if there is none. Throws a FatalError
 * `data_folder` when the newest has no key, or one that is not its leaf's.
 */
export async function openChains(fs: FileSystem, folder: string, nowMs: number): Promise<ChainStore> {
  await makeFolder(fs, folder, 0o700)
  const path = (name: string) => join(folder, name)
  let chains: Stored[] = []
  let next: TimestampChain | undefined
  let signer: TimestampSigner | undefined
  await readAll()
  if (chains.length === 0) await add(makeChain(nowMs))

  async function readAll(): Promise<void> {
    const names = await namesIn(fs, folder)
    const numbers = names.flatMap((name) => /^(?<number>\d{6})\.pem$/.exec(name)?.groups?.['number'] ?? [])
    const read = await Promise.all(numbers.map((number) => readChain(fs, folder, number)))
    chains = read.map((one, i) => ({ ...one, ...untilOf(read[i + 1]) }))
    next = names.includes('next.pem') ? await readChain(fs, folder, 'next') : undefined
    // A crash between its promotion and the deed.
    if (next !== undefined && next.chain.join('') === chains.at(-1)?.chain.join('')) {
      await fs.rm(path('next.pem'), { force: true })
      next = undefined
    }
    // A crash between the new chain and the deed: it is done now. A key whose chain was not written yet signed nothing.
    const current = numbers.at(-1)
    const used = [`${current}.key`, ...(next === undefined ? [] : ['next.key'])]
    const idle = names.filter((name) => name.endsWith('.key') && !used.includes(name))
    for (const name of idle) await fs.rm(path(name), { force: true })
    if (idle.length > 0) await syncFolder(fs, folder)
    signer = current === undefined ? undefined : await readSigner(fs, folder, current, chains.at(-1))
    if (next !== undefined) await readSigner(fs, folder, 'next', next)
  }

  async function add({ key, chain }: Made, sinceMs?: number): Promise<void> {
    const number = String(chains.length + 1).padStart(6, '0')
    // The key comes first: a chain that is named by a trust document must be able to sign.
    await replaceFile(fs, path(`${number}.key`), Buffer.from(key), 0o600)
    if (sinceMs !== undefined) await replaceFile(fs, path(`${number}.since`), Buffer.from(`${sinceMs}\n`))
    await replaceFile(fs, path(`${number}.pem`), Buffer.from(chain.join('')))
    await readAll()
  }

  return {
    chains: () => chains.map(({ signsFromMs: _, ...chain }) => chain),
    next: () => next,
    signer: () => signer as TimestampSigner,
    async announce(atMs) {
      if (next !== undefined) return
      const { key, chain } = makeChain(atMs)
      await replaceFile(fs, path('next.key'), Buffer.from(key), 0o600)
      await replaceFile(fs, path('next.pem'), Buffer.from(chain.join('')))
      await readAll()
    },
    async rotate(atMs) {
      if (next === undefined) return add(makeChain(atMs))
      const key = (await readIfThere(fs, path('next.key')))?.toString() ?? ''
      await add({ key, chain: next.chain }, atMs)
    },
  }
}

async function readChain(fs: FileSystem, folder: string, name: string): Promise<Stored> {
  const path = join(folder, `${name}.pem`)
  const text = (await readIfThere(fs, path))?.toString() ?? ''
  const chain = text.match(/-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n/g) ?? []
  if (chain.length !== 2 || chain.join('') !== text)
    throw new FatalError('data_folder', `${path} is not a chain of timestamp certificates: restore it`)
  const sinceMs = leafOf(chain).validFromDate.getTime()
  const said = (await readIfThere(fs, join(folder, `${name}.since`)))?.toString().trim()
  if (said !== undefined && !/^\d{1,15}$/.test(said))
    throw new FatalError('data_folder', `${join(folder, `${name}.since`)} is no time: restore it`)
  return { chain, sinceMs, signsFromMs: Math.max(sinceMs, Number(said ?? 0)) }
}

// The last timestamp of the one before may be of the very second in which this one began to sign.
function untilOf(next: Stored | undefined): { untilMs?: number } {
  return next === undefined ? {} : { untilMs: next.signsFromMs + 1000 }
}

async function readSigner(
  fs: FileSystem,
  folder: string,
  number: string,
  chain: TimestampChain | undefined,
): Promise<TimestampSigner> {
  const path = join(folder, `${number}.key`)
  const text = (await readIfThere(fs, path))?.toString()
  if (text === undefined)
    throw new FatalError('data_folder', `${path} is missing: restore it, or remove ${number}.pem, too`)
  const certificate = leafOf(chain?.chain ?? [])
  const key = privateKeyOf(text)
  if (!certificate.checkPrivateKey(key))
    throw new FatalError('data_folder', `${path} is not the key of ${number}.pem: restore it`)
  return { certificate, key }
}

function leafOf(chain: readonly string[]): X509Certificate {
  return new X509Certificate(chain[0] ?? '')
}
