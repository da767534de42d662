import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { readInput, readOwnText } from './audit-file.ts'
import { readBundleTexts } from './bundle-lines.ts'
import { readText } from './text-file.ts'
import { bundlesBesideFile } from './verify/target.ts'

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-lines-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('the same bundle counts once, and more different ones than anybody waits for are refused', (t) => {
  const file = join(folderOf(t), 'a.sigstore.json')
  const written = (lines: readonly string[]) => {
    writeFileSync(file, lines.join('\n'))
    return readBundleTexts(file)
  }
  assert.deepEqual(written(Array.from({ length: 30_000 }, () => '{"a":1}')), ['{"a":1}'])
  assert.deepEqual(written(['{"a":1}', '', '{"b":2}', '{"a":1}', '']), ['{"a":1}', '{"b":2}'])
  assert.deepEqual(written(['{', '"a": {}', '}']), ['{\n"a": {}\n}'])
  const many = (count: number) => Array.from({ length: count }, (_, n) => `{"n":${n}}`)
  assert.equal(written(many(1_000)).length, 1_000)
  assert.throws(() => written(many(1_001)), /has 1001 different bundles, of which 1000 are the most/)
})

test('what is found beside a file is a file, and nothing is read without an end', (t) => {
  const folder = folderOf(t)
  const artifact = join(folder, 'app.tgz')
  const beside = `${artifact}.sigstore.json`
  const found = () => bundlesBesideFile(artifact, 'ab'.repeat(32))
  symlinkSync('/dev/zero', beside)
  assert.throws(found, /app\.tgz\.sigstore\.json cannot be read: it is no regular file/)
  rmSync(beside)
  execFileSync('mkfifo', [beside])
  assert.throws(found, /it is no regular file/)
  rmSync(beside)
  writeFileSync(join(folder, 'real'), '{"a":1}')
  symlinkSync(join(folder, 'real'), beside)
  assert.deepEqual(found(), [{ text: '{"a":1}', from: beside }])
  truncateSync(join(folder, 'real'), 67_108_865)
  writeFileSync(join(folder, 'exact'), 'abc')
  assert.throws(found, /is longer than 67108864 bytes/)
  assert.throws(() => readText('/dev/zero'), /is longer than/)
  assert.throws(() => readInput('/dev/zero', 2_000_000), /is longer than 2000000 bytes/)
  assert.throws(() => readOwnText('/dev/zero'), /it is no regular file/)
  assert.equal(readInput(join(folder, 'exact'), 3).toString(), 'abc')
  assert.throws(() => readInput(join(folder, 'exact'), 2), /is longer than 2 bytes/)
  assert.throws(() => readText(folder), /cannot be read/)
})

test('a pipe that is named is read to its end, with pauses between', (t) => {
  const pipe = join(folderOf(t), 'pipe')
  execFileSync('mkfifo', [pipe])
  for (const read of [readText, (file: string) => readInput(file, 100).toString()]) {
    const writer = spawn('sh', ['-c', 'sleep 0.1; (printf one; sleep 0.1; printf two) >"$0"', pipe])
    t.after(() => writer.kill())
    assert.equal(read(pipe), 'onetwo')
  }
})
