import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { openSigning } from '../../gateway/attestations.fixture.ts'
import { content, openFolder, sha256 } from './folder.fixture.ts'

test('a server that does not tell what it has does not hide what stands beside a file', async (t) => {
  const signing = await openSigning(t)
  const { file, write, run } = await openFolder(t, signing)
  const server = createServer((_, response) => {
    const error = { code: 'unauthorized', message: 'this needs an API token in force' }
    response.writeHead(401, { 'content-type': 'application/json' }).end(JSON.stringify({ error }))
  }).listen(0, '127.0.0.1')
  await new Promise((done) => server.once('listening', done))
  t.after(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  // Nothing stands there: then nobody can tell.
  const nothing = await run([file], { server: url })
  assert.deepEqual([nothing.code, nothing.artifacts[0]?.digest], [2, sha256(content)])
  const bundle = await signing.sign({ digest: sha256(content) })
  write('app.tgz.sigstore.json', bundle)
  const other = await run([file], { server: url, require: ['role=release'] })
  assert.deepEqual([other.code, other.artifacts[0]?.reasons[0]], [1, 'role: expected release, got build'])
  assert.match(other.artifacts[0]?.reasons.at(-1) ?? '', /^the server has not told .*401/)
  write('app.tgz.sigstore.json', bundle.replace('"payload":"', '"payload":"A'))
  assert.equal((await run([file], { server: url })).code, 1)
  write('app.tgz.sigstore.json', bundle)
  assert.equal((await run([file], { server: url })).code, 0)
})
