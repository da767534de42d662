import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createHttpClient } from '../../http-client/index.ts'
import { openStore } from '../../store/index.ts'
import { createCheckedSigner } from './checked.ts'
import type { KeyHolder } from './holder.ts'
import { createStoredPins } from './pins.ts'

/* Stand-ins of key services, written from what each of them publishes of its API, and what every holder of a key has to do. */

export const http = createHttpClient()

export interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Readonly<Record<string, unknown>>
}

export interface Answer {
  readonly status?: number
  readonly json: unknown
}

export async function standIn(t: TestContext, answer: (asked: Asked) => Answer): Promise<string> {
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(pieces).toString() || '{}') as Asked['body']
      const { method = '', url: path = '', headers } = request
      const { status = 200, json } = answer({ method, path, headers, body })
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json))
    })
  })
  await new Promise<void>((next) => server.listen(0, '127.0.0.1', next))
  t.after(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-keys-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function storeOf(t: TestContext) {
  const store = openStore(join(folderOf(t), 'mayfly.db'))
  t.after(() => store.close())
  return store
}

export function pinsOf(t: TestContext) {
  return createStoredPins({ store: storeOf(t), clock: { nowMs: () => 1_000_000 } })
}

export function newKey(namedCurve = 'P-256') {
  return generateKeyPairSync('ec', { namedCurve })
}

export function spkiOf(key: KeyObject): Buffer {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key
  return publicKey.export({ type: 'spki', format: 'der' })
}

export function pemOf(key: KeyObject): string {
  return createPublicKey(spkiInput(key)).export({ type: 'spki', format: 'pem' })
}

function spkiInput(key: KeyObject) {
  return { key: spkiOf(key), format: 'der', type: 'spki' } as const
}

/** A signature over a digest, which Node makes of messages alone: openssl does it. */
export function signDigest(t: TestContext, privateKey: KeyObject, digest: Buffer): Buffer {
  const folder = folderOf(t)
  const [key, input] = [join(folder, 'key.pem'), join(folder, 'digest')]
  writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
  writeFileSync(input, digest)
  return execFileSync('openssl', ['pkeyutl', '-sign', '-inkey', key, '-in', input])
}

/** DER as r and s of 32 bytes each. */
export function rawOf(der: Buffer): Buffer {
  const part = (at: number) => {
    const length = der[at + 1] ?? 0
    const bytes = der.subarray(at + 2, at + 2 + length)
    return { next: at + 2 + length, half: Buffer.concat([Buffer.alloc(32), bytes]).subarray(-32) }
  }
  const r = part(2)
  return Buffer.concat([r.half, part(r.next).half])
}

/** What every holder must do: openssl verifies what it signs, and what is pinned is its key, also on a second server. */
export async function behaves(t: TestContext, holder: KeyHolder, pins = pinsOf(t)): Promise<Buffer> {
  const signer = createCheckedSigner(holder, pins)
  const spki = await signer.publicKey()
  const folder = folderOf(t)
  const [key, message, signature] = ['key.pem', 'message', 'signature'].map((name) => join(folder, name))
  assert.ok(key !== undefined && message !== undefined && signature !== undefined)
  writeFileSync(
    key,
    createPublicKey({ key: spki, format: 'der', type: 'spki' }).export({ type: 'spki', format: 'pem' }),
  )
  for (const server of [signer, createCheckedSigner(holder, pins)]) {
    assert.deepEqual(await server.publicKey(), spki)
    const bytes = randomBytes(100)
    writeFileSync(message, bytes)
    writeFileSync(signature, await server.sign(bytes))
    const said = execFileSync('openssl', [
      'dgst',
      '-sha256',
      '-verify',
      key,
      '-signature',
      signature,
      message,
    ])
    assert.match(said.toString(), /^Verified OK/)
  }
  return spki
}

/** Signs in memory; `key` may be changed, as somebody changes it behind its name. */
export function memoryHolder(first: KeyObject): KeyHolder & { key: KeyObject; asked: number } {
  return {
    ...{ kind: 'memory', describe: 'k', key: first, asked: 0 },
    publicKey() {
      this.asked++
      return Promise.resolve(spkiOf(this.key))
    },
    sign({ message }) {
      return Promise.resolve(sign('sha256', message, this.key))
    },
  }
}
