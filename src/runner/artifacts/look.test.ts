import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { sha256Hex } from '../../lib/index.ts'
import { lookAtArtifacts } from './index.ts'

test('files that are handed on are looked into where they are kept; what is told of a secret is not the secret', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-look-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  // Threads that scan hold up no process.
  const running = setInterval(() => undefined, 1_000)
  t.after(() => clearInterval(running))
  const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })
  const keep = (path: string, content: string) => {
    const sha256 = sha256Hex(content)
    writeFileSync(join(folder, sha256), content)
    return { path, sha256, bytes: content.length, executable: false, named: false }
  }
  const of = (files: ReturnType<typeof keep>[]) => ({ step: 'build', workspace: 'w', folder, files })
  const clean = await lookAtArtifacts(
    of([keep('dist/app.js', 'export const a = 1\n')]),
    (text) => text,
    Date.now(),
  )
  assert.deepEqual(clean, { found: undefined, lines: [], isSerious: false })
  const files = [keep('dist/app.js', 'export const a = 1\n'), keep('dist/secret-name.pem', `line\n${key}`)]
  const mask = (text: string) => text.replace('secret-name', '***')
  const { found, lines, isSerious } = await lookAtArtifacts(of(files), mask, Date.now())
  assert.equal(isSerious, true)
  assert.partialDeepStrictEqual(found?.findings, [{ path: 'dist/***.pem', line: 2, confidence: 'certain' }])
  assert.match(lines[0] ?? '', /^dist\/\*\*\*\.pem:2: \S+ \(certain\) \[[0-9a-f]{32}\]$/)
  assert.ok(!JSON.stringify([found, lines]).includes(key.split('\n')[1] ?? ''))
})
