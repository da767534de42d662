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
  signer(): TimestampSigner
  /** Makes another one, which signs from now on. The key of the one before is deleted, so it never signs again. */
  rotate(nowMs: number): Promise<void>
}

/**
 * The chains in `folder`, `<number>.pem` each, and the key of the newest, `<number>.key`. The first is made if there is
 * none. Throws a FatalError `data_folder` when the newest has no key, or one that is not its leaf's.
 */
export async function openChains(fs: FileSystem, folder: string, nowMs: number): Promise<ChainStore> {
  await makeFolder(fs, folder, 0o700)
  let chains: TimestampChain[] = []
  let signer: TimestampSigner | undefined
  await readAll()
  if (chains.length === 0) await add(nowMs)

  async function readAll(): Promise<void> {
    const names = await namesIn(fs, folder)
    const numbers = names.flatMap((name) => /^(?<number>\d{6})\.pem$/.exec(name)?.groups?.['number'] ?? [])
    const read = await Promise.all(numbers.map((number) => readChain(fs, join(folder, `${number}.pem`))))
    chains = read.map((one, i) => ({ ...one, ...untilOf(read[i + 1]) }))
    // A crash between the new chain and the deed: it is done now. A key whose chain was not written yet signed nothing.
    const current = numbers.at(-1)
    const idle = names.filter((name) => name.endsWith('.key') && name !== `${current}.key`)
    for (const name of idle) await fs.rm(join(folder, name), { force: true })
    if (idle.length > 0) await syncFolder(fs, folder)
    signer = current === undefined ? undefined : await readSigner(fs, folder, current, chains.at(-1))
  }

  async function add(startMs: number): Promise<void> {
    const made = makeChain(startMs)
    const number = String(chains.length + 1).padStart(6, '0')
    // The key comes first: a chain that is named by a trust document must be able to sign.
    await replaceFile(fs, join(folder, `${number}.key`), Buffer.from(made.key), 0o600)
    await replaceFile(fs, join(folder, `${number}.pem`), Buffer.from(made.chain.join('')))
    await readAll()
  }

  return {
    chains: () => chains,
    signer: () => signer as TimestampSigner,
    rotate: add,
  }
}

async function readChain(fs: FileSystem, path: string): Promise<TimestampChain> {
  const text = (await readIfThere(fs, path))?.toString() ?? ''
  const chain = text.match(/-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n/g) ?? []
  if (chain.length !== 2 || chain.join('') !== text)
    throw new FatalError('data_folder', `${path} is not a chain of timestamp certificates: restore it`)
  return { chain, sinceMs: leafOf(chain).validFromDate.getTime() }
}

// The last timestamp of the one before may be of the very second in which this one began.
function untilOf(next: TimestampChain | undefined): { untilMs?: number } {
  return next === undefined ? {} : { untilMs: next.sinceMs + 1000 }
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
