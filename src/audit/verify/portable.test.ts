import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { hash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import vm from 'node:vm'
import { build } from 'esbuild'
import fc from 'fast-check'
import { createSigner } from '../sign/index.ts'
import { webCheck } from './ed25519.ts'
import { parseVerifierKey } from './key.ts'
import { portableSha256 } from './sha256.ts'
import { vectorsOf } from './vectors.fixture.ts'

test('the portable SHA-256 is SHA-256, at every length around a block and at random', () => {
  for (let length = 0; length < 200; length++) {
    const input = randomBytes(length)
    assert.equal(portableSha256(input).toHex(), hash('sha256', input, 'hex'))
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5_000 }), (input) => {
      assert.equal(portableSha256(input).toHex(), hash('sha256', input, 'hex'))
    }),
  )
})

test('Web Crypto verifies what Node signed, and nothing else', async () => {
  const signer = createSigner('a', randomBytes(32))
  const check = webCheck(parseVerifierKey(signer.verifierKey)?.publicKey ?? new Uint8Array(0))
  const message = Buffer.from('message')
  const signature = signer.sign(message)
  assert.equal(await check(message, signature), true)
  assert.equal(await check(Buffer.from('massage'), signature), false)
  assert.equal(await check(message, signature.subarray(1)), false)
})

async function bundleForBrowsers(): Promise<string> {
  const bundled = await build({
    entryPoints: [fileURLToPath(new URL('index.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'audit',
    platform: 'browser',
    logLevel: 'silent',
  })
  return bundled.outputFiles[0]?.text ?? ''
}

/** What the page below does: every kind of check, on data it was handed. It has the names of a browser and no other. */
const checks = `(async () => {
  const { note, key, entry, proof, policy, log } = vectors
  const verifier = audit.parseVerifierKey(key)
  const checkpoint = await audit.verifyCheckpoint(note, verifier)
  const parsed = audit.parseTlogProof(proof)
  const claim = { index: parsed.index, size: checkpoint.checkpoint.size, root: checkpoint.checkpoint.root }
  const included = audit.verifyInclusion({ ...claim, leaf: audit.leafHash(audit.utf8(entry)) }, parsed.hashes)
  const swapped = audit.verifyInclusion({ ...claim, leaf: audit.leafHash(audit.utf8(entry + ' ')) }, parsed.hashes)
  const quorum = await audit.verifyByPolicy(parsed.checkpoint, audit.parseTlogPolicy(policy).policy)
  const read = async (path) => (log[path] === undefined ? undefined : Uint8Array.fromBase64(log[path]))
  const whole = await audit.verifyLog({ name: 'page', read }, key)
  const forged = await audit.verifyCheckpoint(note.replace('\\n', 'x\\n'), verifier)
  return JSON.stringify([checkpoint.ok, included, swapped, quorum.ok, whole.ok, whole.size, forged.ok])
})()`
const expected = '[true,true,false,true,true,300,false]'

test('the bundle for browsers runs where there is no Node: no import, no process, no Buffer', async () => {
  const code = await bundleForBrowsers()
  assert.doesNotMatch(code, /\brequire\(|\bimport\s*[({'"]/)
  const { TextEncoder, TextDecoder, URL, AbortSignal, crypto } = globalThis
  const context = vm.createContext({
    TextEncoder,
    TextDecoder,
    URL,
    AbortSignal,
    crypto,
    vectors: await vectorsOf(),
  })
  vm.runInContext(code, context)
  assert.equal(await vm.runInContext(checks, context), expected)
})

const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
)

test(
  'the same in Chromium',
  { skip: chromium === undefined && 'there is no Chromium on this machine' },
  async (t) => {
    const vectors = JSON.stringify(await vectorsOf()).replaceAll('<', '\\u003c')
    const page = `<!doctype html><body><script>${await bundleForBrowsers()}</script><script>const vectors = ${vectors};
      ${checks}.then((text) => { document.body.textContent = 'answer ' + text }, (error) => { document.body.textContent = error.stack })
    </script>`
    const server = createServer((_, response) =>
      response.setHeader('content-type', 'text/html; charset=utf-8').end(page),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--virtual-time-budget=10000', '--dump-dom']
    const browser = spawn(chromium ?? '', [...flags, url], { stdio: ['ignore', 'pipe', 'ignore'] })
    t.after(() => browser.kill('SIGKILL'))
    let dom = ''
    for await (const chunk of browser.stdout) dom += String(chunk)
    assert.match(dom, new RegExp(`answer ${expected.replaceAll(/[[\]]/g, String.raw`\$&`)}`))
  },
)
