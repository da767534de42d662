import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setStage, type Ran, type Stage } from '../../demo/stage.ts'
import { isWhole } from '../whole.ts'
import { makeLayout, noRegistry, startRegistry, type Registry } from './registry.ts'

const host = 'registry.example.org'
const program = 'skopeo'
const hasProgram = spawnSync(program, ['--version']).status === 0
const skip =
  (isWhole ? noRegistry() : 'npm run test:whole') ||
  (hasProgram ? false : `${program} is not here: apt-get install ${program}`)

let stage: Stage
let registry: Registry
let folder: string
before(async () => {
  if (skip !== false) return
  folder = mkdtempSync(join(tmpdir(), 'mayfly-provenance-'))
  registry = await startRegistry(join(folder, 'registry'), host, 'basic')
  stage = await setStage({ policy: (text) => withRegistry(text, registry) })
  const stored = await stage.operate(['secret', 'set', 'registry'], registry.credential)
  assert.equal(stored.exitCode, 0, stored.stderr)
})
after(async () => {
  await stage?.[Symbol.asyncDispose]()
  await registry?.[Symbol.asyncDispose]()
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
})

function withRegistry(text: string, { dial, ca }: Registry): string {
  const json = JSON.stringify
  const images = `  images: { kind: oci, url: "https://${host}", dial: ${json(dial)}, ca: ${json(ca)}, credential: { basic: secret:registry } }\n`
  const released =
    '{ grant: "oci:push images/octo/app@v*", provenance: { role: build, same_run: true, tier: C } }'
  return text
    .replace(/^connections:\n/m, `connections:\n${images}`)
    .replace(
      /( {2}release:\n(?:.*\n)*?    grants:\n)/,
      `$1      - ${released}\n      - oci:pull images/octo/app\n`,
    )
    .replace(/( {2}build:\n(?:.*\n)*?    grants:\n)/, '$1      - "oci:push images/octo/app@build-*"\n')
}

function workspaceOf(role: string): string {
  const path = join(folder, role)
  mkdirSync(path, { recursive: true })
  return path
}

const image = `docker://${host}/octo/app`
const tagged = 'skopeo copy --preserve-digests'

test(
  'the image that the build step of this run made gets its tag; another one does not; what stands beside it verifies by itself',
  { skip },
  async () => {
    const inStep = (role: string, script: string, run: string): Promise<Ran> =>
      stage.runJob(
        // What one of them left is nothing that the other runs.
        ['run', '--role', role, '--workspace', workspaceOf(role), '--', 'bash', '-c', script],
        stage.jobEnvironment({ run_id: run }),
      )
    const build = `${makeLayout} set -e; layout in 2000; ${tagged} oci:in:x ${image}:build-1; echo digest $digest`
    const built = await inStep('build', build, '800001')
    assert.equal(built.exitCode, 0, built.stderr)
    const digest = /digest (sha256:\w+)/.exec(built.stdout)?.[1] ?? ''
    assert.equal(registry.tag('octo/app', 'build-1'), digest)
    const released = await inStep('release', `${tagged} ${image}@${digest} ${image}:v1`, '800001')
    assert.equal(released.exitCode, 0, released.stderr)
    assert.equal(registry.tag('octo/app', 'v1'), digest)
    const elsewhere = await inStep('release', `${tagged} ${image}@${digest} ${image}:v2`, '800002')
    assert.notEqual(elsewhere.exitCode, 0)
    assert.match(elsewhere.stderr, /asks for `provenance`: same_run: expected run_\w+, got run_\w+/)
    const own = await inStep(
      'release',
      `${makeLayout} layout in 3000; ${tagged} oci:in:x ${image}:v3`,
      '800001',
    )
    assert.notEqual(own.exitCode, 0)
    assert.match(own.stderr, /asks for `provenance`: provenance: there is none about sha256:/)
    assert.equal(registry.tag('octo/app', 'v2') ?? registry.tag('octo/app', 'v3'), undefined)
    // The gateway put the provenance beside the image, and it verifies from there alone.
    const beside = registry.tag('octo/app', digest.replace(':', '-'))
    assert.match(beside ?? '', /^sha256:/)
    const root = join(folder, 'root.json')
    const fetched = await fetch(`${stage.server}/.well-known/mayfly/trusted-root.json`)
    writeFileSync(root, Buffer.from(await fetched.arrayBuffer()))
    const asked = ['verify', digest, '--trusted-root', root, '--require', 'role=build', '--require', 'tier=C']
    const verified = await stage.operate([...asked, '--server', stage.server])
    assert.equal(verified.exitCode, 0, verified.stdout + verified.stderr)
    const refused = await stage.operate([...asked, '--require', 'repository_id=1', '--server', stage.server])
    assert.deepEqual([refused.exitCode, /repository_id: expected 1, got \d+/.test(refused.stdout)], [1, true])
  },
)
