import assert from 'node:assert/strict'
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { preAuthEncoding, trustDocumentType } from '../attest/verify/index.ts'
import { createWorld } from '../attest/verify/world.fixture.ts'
import { trustOf, type TrustOptions } from './named-trust.ts'
import { createTrustPins } from './trust-pins.ts'

interface RootKey {
  readonly pem: string
  readonly key: KeyObject
}

function rootKey(): RootKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { pem: publicKey.export({ type: 'spki', format: 'pem' }), key: privateKey }
}

const { trustedRoot } = await createWorld()

function documentOf(version: number, named: RootKey, ...signers: RootKey[]): string {
  const document = { version, issued: new Date(0).toISOString(), root: [named.pem], trustedRoot }
  const payload = Buffer.from(JSON.stringify(document))
  const signatures = signers.map(({ key }) => ({
    sig: sign('sha256', preAuthEncoding(trustDocumentType, payload), key).toString('base64'),
  }))
  return JSON.stringify({ payloadType: trustDocumentType, payload: payload.toString('base64'), signatures })
}

async function world(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-test-'))
  let document: string | undefined
  const http = createServer((request, response) => {
    const isThere = request.url === '/.well-known/mayfly/trust.json' && document !== undefined
    response.writeHead(isThere ? 200 : 404).end(isThere ? document : '')
  })
  await new Promise<void>((ready) => http.listen(0, '127.0.0.1', ready))
  const server = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  const close = () => new Promise((closed) => http.close(closed).closeAllConnections())
  t.after(async () => {
    await close()
    rmSync(folder, { recursive: true })
  })
  const kept = join(folder, 'trust')
  return {
    ...{ folder, kept, close },
    serve: (text: string | undefined) => (document = text),
    ask: (more: TrustOptions = {}) => trustOf({ server, ...more }, createTrustPins(folder)),
    file: (name: string, text: string) => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    },
  }
}

test('the root key is pinned at the first use, told, and nobody else’s document is taken from then on', async (t) => {
  const { ask, serve, kept } = await world(t)
  const [first, second] = [rootKey(), rootKey()]
  await assert.rejects(ask(), { code: 'upstream_unreachable', message: /it answered 404.*--trust-document/ })
  serve(documentOf(3, first, first))
  const told = await ask()
  assert.match(told.whose, /^pinned by this first use: root key [0-9a-f]{64} of http.*, version 3$/)
  assert.match(told.notes.join(), /is trusted from now on, since nobody said which: compare it/)
  assert.equal(told.trust.authorities.length, 1)
  const again = await ask()
  assert.deepEqual([again.whose.startsWith('pinned: '), again.notes], [true, []])
  serve(documentOf(4, second, second))
  await assert.rejects(ask(), { code: 'denied', message: /the root key that is pinned did not sign/ })
  serve(documentOf(2, first, first))
  await assert.rejects(ask(), { code: 'denied', message: /version 2 is older than 3/ })
  // Handed on by the old key, to a key that somebody has.
  serve(documentOf(4, second, first, second))
  await ask()
  serve(documentOf(5, second, second))
  assert.match((await ask()).whose, /version 5/)
  const [file = ''] = readdirSync(kept)
  assert.equal(statSync(join(kept, file)).mode & 0o777, 0o600)
})

test('a key by file is pinned instead of what the server says; a server that is away is believed as it was last seen', async (t) => {
  const { ask, serve, file, close } = await world(t)
  const [first, second] = [rootKey(), rootKey()]
  serve(documentOf(1, second, second))
  await assert.rejects(ask({ root: file('root.pem', first.pem) }), { code: 'denied' })
  serve(documentOf(1, first, first))
  assert.match((await ask({ root: file('root.pem', first.pem) })).whose, /^pinned: root key/)
  await close()
  const offline = await ask()
  assert.match(
    offline.notes.join(),
    /does not answer .*: its newest trust document that was seen, version 1, is taken/,
  )
  assert.equal(offline.trust.logs.length, 1)
})

test('without a server: a trust document by its key, or trusted roots of Sigstore, one a line', async (t) => {
  const { ask, file } = await world(t)
  const root = rootKey()
  const document = file('trust.json', documentOf(1, root, root))
  await assert.rejects(ask({ trustDocument: document }), { code: 'bad_input', message: /--root FILE/ })
  assert.equal(
    (await ask({ trustDocument: document, root: file('root.pem', root.pem) })).trust.logs.length,
    1,
  )
  await assert.rejects(ask({ trustDocument: document, root: file('other.pem', rootKey().pem) }), {
    code: 'denied',
  })
  const line = JSON.stringify(trustedRoot)
  assert.equal(
    (await ask({ trustedRoot: file('root.json', JSON.stringify(trustedRoot, undefined, 2)) })).trust.logs
      .length,
    1,
  )
  assert.ok((await ask({ trustedRoot: file('roots.jsonl', `${line}\n${line}\n`) })).trust.logs.length >= 1)
  await assert.rejects(ask({ trustedRoot: file('none.json', '{"mediaType":"x"}') }), {
    ...{ code: 'bad_input', message: /none.json: it is no trusted root/ },
  })
})
