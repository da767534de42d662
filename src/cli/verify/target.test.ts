import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { readAsked } from '../attest/subject.ts'
import { sha256 } from './folder.fixture.ts'
import { kindOf } from './target.ts'

/** A working folder that brings these files, as a checkout of a stranger's repository may. */
function checkout(t: TestContext, names: readonly string[]): void {
  const [folder, before] = [mkdtempSync(join(tmpdir(), 'mayfly-target-')), process.cwd()]
  process.chdir(folder)
  t.after(() => {
    process.chdir(before)
    rmSync(folder, { recursive: true, force: true })
  })
  for (const name of names) {
    mkdirSync(dirname(name), { recursive: true })
    writeFileSync(name, 'of the checkout')
  }
}

const digest = sha256('what was asked for')
const hex = digest.slice('sha256:'.length)

test('what is named by its digest is not the file of that name that a checkout brings', async (t) => {
  const image = `ghcr.io/octo/app@${digest}`
  checkout(t, [digest, hex, hex.toUpperCase(), image, `octo/app@${digest}`])
  for (const written of [digest, hex, hex.toUpperCase()]) {
    assert.deepEqual(kindOf(written), { kind: 'digest', digest })
    assert.deepEqual(await readAsked(written, undefined), { kind: 'digest', sha256: hex, beside: [] })
  }
  for (const written of [image, `octo/app@${digest}`, `oci://${image}`])
    assert.equal(kindOf(written).kind, 'image')
})

test('what may be an image, and is a file, is refused; ./ and oci:// say which is meant', async (t) => {
  checkout(t, ['localhost:5000/app:v1', 'reg.example/app:v1', hex, 'dist/app.tgz'])
  for (const written of ['localhost:5000/app:v1', 'reg.example/app:v1']) {
    assert.throws(() => kindOf(written), new RegExp(`oci://${written} for the image, \\./${written}`))
    assert.equal(kindOf(`./${written}`).kind, 'file')
    assert.equal(kindOf(`oci://${written}`).kind, 'image')
  }
  assert.equal(kindOf(`./${hex}`).kind, 'file')
  const asked = await readAsked(`./${hex}`, undefined)
  assert.equal(asked.kind === 'digest' ? `sha256:${asked.sha256}` : '', sha256('of the checkout'))
  assert.equal(kindOf('dist/app.tgz').kind, 'file')
  assert.equal(kindOf('other.example/app:v1').kind, 'image')
  assert.throws(() => kindOf('./none.tgz'), /no file that is there/)
})
