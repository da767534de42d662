import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { type Clock, FatalError, messageOf, type ServedCertificate, sha256Hex } from '../../lib/index.ts'
import { type FileSystem, lockFolder, makeFolder, readIfThere, replaceFile, systemFs } from '../disk/index.ts'
import { type Answer, createAnswerer, json, listen, readBody, refusal } from '../serve/index.ts'
import { createSigner, parseSignerKey, type Signer } from '../sign/index.ts'
import { isKeyName, parseVerifierKey } from '../verify/index.ts'
import { type AddOutcome, type Ledger, openLedger } from './ledger.ts'
import { parseAddCheckpoint } from './request.ts'

export interface WitnessOptions {
  folder: string
  host: string
  /** 0 for any free one. */
  port: number
  /** The witness's name, for good: the name of its key. */
  name: string
  /** The keys (vkeys) of the logs that it cosigns. */
  logs: readonly string[]
  clock: Clock
  /** With it the witness speaks HTTPS. Closed by the caller. */
  certificate?: ServedCertificate
  /** Told in one line what proves that a log shows two histories. */
  onFork: (line: string) => void
  fs?: FileSystem
}

export interface Witness {
  url: string
  /** Its public key as a vkey of type 0x04, as `key.vkey` has it. */
  verifierKey: string
  close(): Promise<void>
}

const maxBodyBytes = 70_000

/**
 * Opens or makes the witness in `folder` and serves it. Throws a FatalError: `data_folder`, `audit_corrupt`,
 * `port_in_use`, `config_invalid`.
 */
export async function startWitness(options: WitnessOptions): Promise<Witness> {
  const { folder, fs = systemFs, name, clock, onFork } = options
  if (!isKeyName(name)) throw new FatalError('config_invalid', `not a name for a witness: ${name}`)
  await makeFolder(fs, folder, 0o700).catch((cause: unknown) => {
    throw new FatalError('data_folder', `the folder ${folder} cannot be used: ${messageOf(cause)}`, { cause })
  })
  const lock = lockFolder(folder, 'the witness')
  try {
    const signer = await openKey(fs, folder, name)
    const ledgers = new Map<string, Ledger>()
    for (const vkey of options.logs) {
      const log = parseVerifierKey(vkey)
      if (log?.type !== 'note') throw new FatalError('config_invalid', `not the key of a log: ${vkey}`)
      if (ledgers.has(log.name)) throw new FatalError('config_invalid', `two keys for the log ${log.name}`)
      ledgers.set(log.name, await openLedger({ fs, folder, log, signer, clock, onFork }))
    }
    const server = createAnswerer((request) => route(request, ledgers), options.certificate)
    const url = await listen(server, options.host, options.port, {
      what: 'the witness',
      option: '--port',
      certificate: options.certificate,
    })
    const close = async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      // A connection that is gone does not stop what it asked for: the next witness must not write beside it.
      await Promise.all([...ledgers.values()].map((ledger) => ledger.close()))
      lock.release()
    }
    return { url, verifierKey: signer.verifierKey, close }
  } catch (error) {
    lock.release()
    throw error
  }
}

async function openKey(fs: FileSystem, folder: string, name: string): Promise<Signer> {
  const path = join(folder, 'key')
  const stored = (await readIfThere(fs, path))?.toString()
  const signer =
    stored === undefined ? createSigner(name, randomBytes(32), 'cosignature') : parseSignerKey(stored)
  if (signer?.type !== 'cosignature')
    throw new FatalError('data_folder', `${path} is not the key of a witness`)
  if (signer.name !== name)
    throw new FatalError('data_folder', `${folder} is the witness ${signer.name}, not ${name}`)
  if (stored === undefined) await replaceFile(fs, path, Buffer.from(`${signer.encode()}\n`), 0o600)
  await replaceFile(fs, join(folder, 'key.vkey'), Buffer.from(`${signer.verifierKey}\n`))
  return signer
}

async function route(request: IncomingMessage, ledgers: ReadonlyMap<string, Ledger>): Promise<Answer> {
  const { method, url = '' } = request
  if (method === 'POST' && url === '/add-checkpoint') return await addCheckpoint(request, ledgers)
  if (method !== 'GET') return refusal(405, 'bad_input', 'POST /add-checkpoint, or GET')
  if (url === '/healthz') return json(200, { ok: true, logs: ledgers.size })
  const hash = /^\/([0-9a-f]{64})\/checkpoint$/.exec(url)?.[1]
  const found = [...ledgers].find(([origin]) => sha256Hex(origin) === hash)?.[1].latest()
  return found === undefined ? refusal(404, 'not_found', 'nothing was cosigned there') : text(200, found)
}

async function addCheckpoint(
  request: IncomingMessage,
  ledgers: ReadonlyMap<string, Ledger>,
): Promise<Answer> {
  const body = await readBody(request, maxBodyBytes)
  if (body === undefined) return refusal(413, 'limit_exceeded', `at most ${maxBodyBytes} bytes`)
  const parsed = parseAddCheckpoint(body.toString())
  if (typeof parsed === 'string') return refusal(400, 'bad_input', parsed)
  const ledger = ledgers.get(parsed.checkpoint.origin)
  if (ledger === undefined) return refusal(404, 'not_found', 'this witness does not know the log')
  return answerOf(await ledger.add(parsed))
}

function answerOf(outcome: AddOutcome): Answer {
  if (outcome.ok) return text(200, outcome.lines)
  switch (outcome.reason) {
    case 'behind':
      return { ...text(409, `${outcome.size}\n`), headers: { 'content-type': 'text/x.tlog.size' } }
    case 'not_signed':
      return refusal(403, 'bad_signature', 'the checkpoint is not signed by the key of its log')
    case 'other_root':
      return refusal(422, 'fork', 'another tree of the same size was cosigned before')
    case 'no_proof':
      return refusal(422, 'fork', 'the proof does not show that it extends what was cosigned before')
  }
}

function text(status: number, body: string): Answer {
  return {
    status,
    body,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' },
  }
}
