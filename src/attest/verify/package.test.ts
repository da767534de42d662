import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { projectFolder } from '../../../demo/stage.ts'
import { createWorld } from './world.fixture.ts'

const script = `
import { readFileSync } from 'node:fs'
import { parseTrustedRoot, verifyBundle } from './attest-verify.js'
const [bundle, root] = ['bundle', 'root'].map((name) => readFileSync(name + '.json', 'utf8'))
const verified = verifyBundle(bundle, parseTrustedRoot(root))
const refused = verifyBundle(bundle.replace('"logIndex":"2"', '"logIndex":"1"'), parseTrustedRoot(root))
console.log(JSON.stringify([verified.ok, verified.signer?.identity.issuer, refused.ok, refused.reason]))
`

test('mayfly/attest/verify is one file that needs node:crypto alone: it verifies where there is nothing else', async (t) => {
  const built = join(projectFolder, 'dist/attest-verify.js')
  const imports = readFileSync(built, 'utf8').match(/^import .*|\brequire\(|\bimport\(/gm) ?? []
  assert.ok(imports.length > 0)
  for (const line of imports) assert.match(line, /^import \{[^}]*\} from "node:crypto";$/)
  const folder = folderOf(t)
  const world = await createWorld()
  copyFileSync(built, join(folder, 'attest-verify.js'))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  writeFileSync(join(folder, 'bundle.json'), JSON.stringify(await world.bundle()))
  writeFileSync(join(folder, 'root.json'), JSON.stringify(world.trustedRoot))
  writeFileSync(join(folder, 'check.js'), script)
  const said = execFileSync(process.execPath, ['check.js'], { cwd: folder, encoding: 'utf8', env: {} })
  const issuer = 'https://token.actions.githubusercontent.com'
  assert.deepEqual(JSON.parse(said), [true, issuer, false, 'not_in_log'])
  const byName = 'mayfly/attest/verify'
  const { verifyBundle } = (await import(byName)) as { verifyBundle: unknown }
  assert.equal(typeof verifyBundle, 'function')
})

const vectorsScript = `
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { openTrustDocument, verifyBundle } from './attest-verify.js'
const { root, trusts, bundles } = JSON.parse(readFileSync('vectors.json', 'utf8'))
const opened = trusts.map((one) => openTrustDocument(one, [root]))
const wrong = bundles.flatMap(({ name, reason, trust, now, bundle, file }) => {
  const found = verifyBundle(bundle, opened[trust].trust, { nowMs: Date.parse(now) })
  const digest = file === undefined ? undefined : createHash('sha256').update(file).digest('hex')
  const isOther = found.ok && digest !== Buffer.from(found.message?.digest ?? []).toString('hex')
  const said = file !== undefined && isOther ? 'other_message' : found.ok ? 'right' : found.reason
  return said === reason ? [] : [name + ': ' + said + ', and not ' + reason]
})
console.log(JSON.stringify({ node: process.version, of: bundles.length, wrong }))
`

/** The oldest Node that package.json names, where this machine has one. */
const older = ['/usr/bin/node', '/usr/local/bin/node'].find(
  (program) =>
    existsSync(program) && /^v2[0-4]\./.test(spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout),
)

test(
  'mayfly/attest/verify says the same of each vector on the Node of the machine, which is older',
  { skip: older === undefined ? 'this machine has no Node from 20 to 24' : false },
  (t) => {
    const folder = folderOf(t)
    copyFileSync(join(projectFolder, 'dist/attest-verify.js'), join(folder, 'attest-verify.js'))
    copyFileSync(join(projectFolder, 'dist/verify.js'), join(folder, 'verify.js'))
    copyFileSync(join(projectFolder, 'test/fixtures/attest/bundles.json'), join(folder, 'vectors.json'))
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    writeFileSync(join(folder, 'check.js'), vectorsScript)
    const run = (...args: string[]) =>
      execFileSync(older ?? '', args, { cwd: folder, encoding: 'utf8', env: {} })
    const { node, of, wrong } = JSON.parse(run('check.js')) as { node: string; of: number; wrong: string[] }
    assert.match(node, /^v2[0-4]\./)
    assert.ok(of > 50)
    assert.deepEqual(wrong, [])
    const base64 = `import('./verify.js').then(({ parseBase64, base64Of, hexOf }) => console.log(JSON.stringify(
      ['AAE=', 'AAF=', 'AA E=', 'AAE', 'AAE=='].map((text) => parseBase64(text) === undefined)
        .concat(base64Of(Uint8Array.of(0, 255)), hexOf(Uint8Array.of(0, 255))))))`
    assert.deepEqual(JSON.parse(run('-e', base64)), [false, true, true, true, true, 'AP8=', '00ff'])
  },
)

const consumer = `
import { judge, parseTrustedRoot, verifyBundle, type Demands, type WrittenDemands } from 'mayfly/attest/verify'
import { parseVerifierKey } from 'mayfly/audit/verify'
import { folderSource } from 'mayfly/audit/verify/node'
const demands: Demands = { role: 'build' }
const written: WrittenDemands = { role: 'build', approvals: 2, max_age: '30d' }
const checked = verifyBundle('{}', parseTrustedRoot('{}'))
if (checked.ok) judge([checked], 'sha256:00', demands, { nowMs: 0, own: () => true })
else checked.detail.toUpperCase()
// @ts-expect-error: there is no such reason.
const no: boolean = !checked.ok && checked.reason === 'good'
export { parseVerifierKey, folderSource, no, written }
`

test('the package has types, by which a program of another checks', (t) => {
  const folder = folderOf(t)
  const installed = join(folder, 'node_modules/mayfly')
  mkdirSync(installed, { recursive: true })
  copyFileSync(join(projectFolder, 'package.json'), join(installed, 'package.json'))
  symlinkSync(join(projectFolder, 'dist'), join(installed, 'dist'))
  symlinkSync(join(projectFolder, 'node_modules/@types'), join(folder, 'node_modules/@types'))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  writeFileSync(join(folder, 'use.ts'), consumer)
  const options = ['--ignoreConfig', '--noEmit', '--strict', '--module', 'nodenext', '--types', 'node']
  const tsc = join(projectFolder, 'node_modules/.bin/tsc')
  const { stdout, status } = spawnSync(tsc, [...options, 'use.ts'], { cwd: folder, encoding: 'utf8' })
  assert.deepEqual([stdout, status], ['', 0])
})

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-bare-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
