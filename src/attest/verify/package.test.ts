import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
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
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-bare-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
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
