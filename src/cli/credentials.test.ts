import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createCredentials } from './credentials.ts'

function setup(t: TestContext) {
  const folder = join(mkdtempSync(join(tmpdir(), 'mayfly-credentials-')), 'mayfly')
  t.after(() => rmSync(join(folder, '..'), { recursive: true, force: true }))
  return { folder, file: join(folder, 'credentials.json'), credentials: createCredentials(folder) }
}

const kept = { token: 't', expires: '2026-08-01T00:00:00Z' }

test('a token is given to the server it is of, and to no other', (t) => {
  const { folder, credentials } = setup(t)
  assert.equal(credentials.read('https://a.example.com'), undefined)
  credentials.write('https://a.example.com', kept)
  credentials.write('https://b.example.com', { ...kept, token: 'u' })
  assert.deepEqual(credentials.read('https://a.example.com'), kept)
  for (const other of ['https://a.example.com.evil.example', 'http://a.example.com', '__proto__', 'toString'])
    assert.equal(credentials.read(other), undefined)
  credentials.forget('https://a.example.com')
  assert.equal(credentials.read('https://a.example.com'), undefined)
  assert.equal(credentials.read('https://b.example.com')?.token, 'u')
  assert.deepEqual(readdirSync(folder), ['credentials.json'])
})

test('only its owner can read the file, whatever it was before', (t) => {
  const { folder, file, credentials } = setup(t)
  credentials.write('https://a.example.com', kept)
  assert.deepEqual([statSync(file).mode & 0o777, statSync(folder).mode & 0o777], [0o600, 0o700])
  chmodSync(file, 0o644)
  credentials.write('https://a.example.com', kept)
  assert.equal(statSync(file).mode & 0o777, 0o600)
})

test('refused: a file that is no JSON', (t) => {
  const { file, credentials } = setup(t)
  credentials.write('https://a.example.com', kept)
  writeFileSync(file, '{')
  assert.throws(() => credentials.read('https://a.example.com'), /remove it, then mayfly login/)
})
