import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createKeySigner, envelopeOf, type Envelope } from '../attest/sign/index.ts'
import { preAuthEncoding, trustDocumentType } from '../attest/verify/index.ts'
import { trustOf } from './named-trust.ts'
import { fetchTrust } from './trust-fetch.ts'
import { createTrustPins } from './trust-pins.ts'

function rootKey() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return {
    pem: publicKey.export({ type: 'spki', format: 'pem' }),
    signer: createKeySigner(privateKey, 'root'),
  }
}
type Root = ReturnType<typeof rootKey>

async function document(version: number, root: Root, by: readonly Root[], expiresMs = Date.now() + 60_000) {
  const payload = {
    ...{ version, issued: new Date().toISOString(), expires: new Date(expiresMs).toISOString() },
    ...{
      root: [root.pem],
      trustedRoot: { mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1' },
    },
    ...{ keys: [], revoked: [] },
  }
  const bytes = Buffer.from(JSON.stringify(payload))
  const signatures = by.map(async ({ signer }) => ({
    signature: await signer.sign(preAuthEncoding(trustDocumentType, bytes)),
    keyId: '',
  }))
  return envelopeOf(trustDocumentType, bytes, await Promise.all(signatures))
}

/** Serves whatever documents it is told to, and a client with a home of its own. */
async function setup(t: TestContext) {
  const served: Envelope[] = []
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    const version = /\/trust\/(\d+)$/.exec(request.url ?? '')?.[1]
    const found = version === undefined ? served.at(-1) : served[Number(version) - 1]
    response.setHeader('content-type', 'application/json').end(JSON.stringify(found))
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await new Promise((next) => server.once('listening', next))
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-pins-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const take = (home = 'home', file?: string) =>
    fetchTrust(url, { pins: createTrustPins(join(folder, home)), root: file })
  const file = (root: Root) => {
    const path = join(folder, 'root.pub')
    writeFileSync(path, root.pem)
    return path
  }
  return { served, asked, take, file, folder, url }
}

const denied = (message: RegExp) => ({ code: 'denied', message })

test('the root key that was met first is pinned: another one is refused, and so are lower versions', async (t) => {
  const { served, take } = await setup(t)
  const [root, other] = [rootKey(), rootKey()]
  served.push(await document(1, root, [root]), await document(2, root, [root]))
  assert.equal((await take()).isFirstUse, true)
  assert.equal((await take()).isFirstUse, false)
  served.splice(1, 1)
  await assert.rejects(take(), denied(/version 1 is older than 2/))
  served.push(await document(2, other, [other]), await document(3, other, [other]))
  await assert.rejects(take(), denied(/pinned did not sign/))
})

test('of two documents of one version the second is refused, though the root key signed both', async (t) => {
  const { served, take } = await setup(t)
  const root = rootKey()
  served.push(await document(1, root, [root]))
  await take()
  served[0] = await document(1, root, [root], Date.now() + 120_000)
  await assert.rejects(take(), denied(/another version 1 .* than before/))
})

test('of a server that shows nothing the newest that was seen counts, and a key by file is followed from the first version on', async (t) => {
  const { served, take, file } = await setup(t)
  const [first, second] = [rootKey(), rootKey()]
  served.push(await document(1, first, [first]), await document(2, second, [first, second]))
  served.push(await document(3, second, [second]))
  assert.deepEqual((await take('home', file(first))).opened.root, [second.pem])
  served.length = 0
  const seen = await take()
  assert.deepEqual([seen.opened.version, seen.isFirstUse, seen.unanswered !== undefined], [3, false, true])
  assert.match(seen.notes.join(), /does not answer .* version 3, is taken/)
  await assert.rejects(take('new'), { code: 'upstream_unreachable' })
})

test('one that has ended is refused, so nobody can be kept on an old one for ever', async (t) => {
  const { served, take } = await setup(t)
  const root = rootKey()
  served.push(await document(1, root, [root], Date.now() - 1))
  await assert.rejects(take(), denied(/has expired/))
})

test('the root key is followed from one version to the next, and to no key that the old one did not sign', async (t) => {
  const { served, asked, take, folder, url } = await setup(t)
  const [first, second, third, thief] = [rootKey(), rootKey(), rootKey(), rootKey()]
  served.push(await document(1, first, [first]))
  await take()
  await take('late')
  // What ended in between was good then.
  served.push(
    await document(2, second, [first, second], Date.now() - 1),
    await document(3, third, [second, third]),
  )
  assert.deepEqual((await take()).opened.root, [third.pem])
  assert.ok(asked.includes('/.well-known/mayfly/trust/2'))
  served.push(await document(4, thief, [thief]))
  await assert.rejects(take(), denied(/pinned did not sign/))
  served[3] = await document(4, thief, [third])
  await assert.rejects(take('late'), denied(/names a new root key, which did not sign it/))
  // What `mayfly verify` has pinned is the same, and it follows, too.
  served.splice(3, 1)
  const verifying = await trustOf({ server: url }, createTrustPins(join(folder, 'late')))
  assert.match(verifying.whose, /^pinned: .*version 3$/)
})

test('a root key from a file is what counts, also where another one was met first', async (t) => {
  const { served, take, file, folder } = await setup(t)
  const [root, other] = [rootKey(), rootKey()]
  served.push(await document(1, root, [root]))
  assert.equal((await take('home', file(root))).isFirstUse, false)
  await assert.rejects(take('home', file(other)), denied(/pinned did not sign/))
  const [pin = ''] = readdirSync(join(folder, 'home', 'trust'))
  // Taken for none, it would be pinned anew.
  for (const text of ['rubbish', '{}', 'null', '{"root":[],"version":1}']) {
    writeFileSync(join(folder, 'home', 'trust', pin), text)
    await assert.rejects(take(), { code: 'data_folder' }, text)
  }
})

test('where nothing can be written the document counts all the same, and it is said that it is not remembered', async (t) => {
  const { served, take, folder, file } = await setup(t)
  const root = rootKey()
  served.push(await document(1, root, [root]))
  writeFileSync(join(folder, 'no-folder'), '')
  for (const given of [undefined, file(root)]) {
    const { opened, notes } = await take('no-folder', given)
    assert.equal(opened.version, 1)
    assert.match(notes.join('\n'), /is not remembered here: .*no-folder.* cannot be written/)
    assert.doesNotMatch(notes.join('\n'), /from now on/)
  }
})
