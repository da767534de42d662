import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { spawnSync } from 'node:child_process'
import { setStage, type Ran, type Stage } from '../../demo/stage.ts'
import { makeLayout, noRegistry, startRegistry, type Registry } from './registry.ts'
import { slow } from '../whole.ts'

const host = 'registry.example.org'
const skip = noRegistry() || noProgram('skopeo')

let stage: Stage
let registry: Registry
let folder: string
before(async () => {
  if (skip !== false) return
  folder = mkdtempSync(join(tmpdir(), 'mayfly-oci-'))
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
beforeEach(() => {
  if (skip !== false) return
  for (const name of readdirSync(stage.workspace)) rmSync(join(stage.workspace, name), { recursive: true })
})

function withRegistry(text: string, { dial, ca }: Registry): string {
  const json = JSON.stringify
  const images = `  images: { kind: oci, url: "https://${host}", dial: ${json(dial)}, ca: ${json(ca)}, credential: { basic: secret:registry } }\n`
  return text
    .replace(/^connections:\n/m, `connections:\n${images}`)
    .replace(
      /(  release:\n(?:.*\n)*?    grants:\n)/,
      '$1      - oci:push images/octo/app@v*\n      - oci:force images/octo/base\n      - oci:pull images/octo/base\n      - oci:delete images/octo/base@old\n',
    )
    .replace(
      /(  build:\n(?:.*\n)*?    grants:\n)/,
      '$1      - oci:pull images/octo/app@v*\n      - oci:list images/octo/app\n',
    )
}

function noProgram(name: string): string | false {
  return spawnSync(name, ['--version']).status === 0 ? false : `${name} is not here: apt-get install ${name}`
}

let runs = 0
const inStep = (role: string, script: string): Promise<Ran> =>
  stage.runJob(
    ['run', '--role', role, '--', 'bash', '-c', script],
    stage.jobEnvironment({ run_id: `70000${runs++}` }),
  )

const image = `docker://${host}/octo/app`

test('skopeo pushes a granted tag and pulls it back, unmodified and without a login', { skip }, async () => {
  const pushed = await inStep(
    'release',
    `${makeLayout} set -e; layout in 3000000; skopeo copy --preserve-digests oci:in:x ${image}:v1; echo digest $digest`,
  )
  assert.equal(pushed.exitCode, 0, pushed.stderr)
  const digest = /digest (sha256:\w+)/.exec(pushed.stdout)?.[1] ?? ''
  assert.equal(registry.tag('octo/app', 'v1'), digest)
  const pulled = await inStep(
    'build',
    `skopeo copy --preserve-digests ${image}:v1 oci:out:x && skopeo inspect ${image}:v1`,
  )
  assert.equal(pulled.exitCode, 0, pulled.stderr)
  assert.match(readFileSync(join(stage.workspace, 'out/index.json'), 'utf8'), new RegExp(digest))
})

test(
  'what is refused is told by skopeo itself: the reason, the request and the grant to add',
  { skip },
  async () => {
    const ran = await inStep(
      'release',
      `${makeLayout} layout in 1000; skopeo copy oci:in:x ${image}:latest; skopeo copy oci:in:x docker://${host}/octo/other:v1`,
    )
    assert.notEqual(ran.exitCode, 0)
    assert.match(
      ran.stderr,
      /level=fatal.*denied: mayfly: refused: oci:push images\/octo\/app@latest: role .*release.* does not grant it.*oci:push images\/octo\/app@latest/,
    )
    // Of a HEAD skopeo can show no text: the job's output has it.
    assert.match(
      ran.stderr,
      /^mayfly: refused: oci:push images\/octo\/other: .*"oci:push images\/octo\/other"/m,
    )
    assert.equal(registry.tag('octo/app', 'latest'), undefined)
  },
)

test('a tag that is there is not moved by oci:push, and is by oci:force', { skip }, async () => {
  const push = (where: string) =>
    `${makeLayout} layout in 1000; skopeo copy -q --preserve-digests oci:in:x docker://${host}/${where}; echo digest $digest`
  const first = await inStep('release', push('octo/app:v2'))
  assert.equal(first.exitCode, 0, first.stderr)
  const there = registry.tag('octo/app', 'v2')
  const second = await inStep('release', push('octo/app:v2'))
  assert.match(second.stderr, /oci:force images\/octo\/app@v2/)
  assert.equal(registry.tag('octo/app', 'v2'), there)
  for (let i = 0; i < 2; i++) {
    const moved = await inStep('release', push('octo/base:latest'))
    assert.equal(registry.tag('octo/base', 'latest'), /digest (\S+)/.exec(moved.stdout)?.[1], moved.stderr)
  }
})

test('a step’s own login does not go out; a real mount, and a delete, by curl', { skip }, async () => {
  const script = `${makeLayout} set -e; layout in 5000
    skopeo copy -q --preserve-digests --dest-creds me:mine oci:in:x docker://${host}/octo/base:old
    layer=$(tr , '\\n' <in/blobs/sha256/$(cut -d: -f2 <<<$digest) | grep -o 'sha256:[0-9a-f]*' | tail -1)
    curl -fsS -u me:mine -X POST "https://${host}/v2/octo/app/blobs/uploads/?mount=$layer&from=octo/base" -w '%{http_code}\\n' -o /dev/null
    echo layer $layer
    curl -sS -X DELETE https://${host}/v2/octo/base/manifests/$digest`
  const ran = await inStep('release', script)
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.match(ran.stdout, /^201$/m)
  const layer = /layer (\S+)/.exec(ran.stdout)?.[1] ?? ''
  assert.ok(registry.has('octo/app', layer))
  // The grant is for the tag; by digest every other tag of it would go, too.
  assert.match(ran.stdout, /oci:delete images\/octo\/base@sha256:/)
})

test(
  'what passes is not kept: after 100 MB, 100 MB more in and out take no more memory',
  { skip: slow.skip || skip },
  async () => {
    const peakMb = () =>
      Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${stage.up.pid}/status`, 'utf8'))?.[1]) / 1024
    const push = async (tag: string) => {
      const pushed = await inStep(
        'release',
        `${makeLayout} layout in 100000000; skopeo copy -q --preserve-digests oci:in:x ${image}:${tag}`,
      )
      assert.equal(pushed.exitCode, 0, pushed.stderr)
    }
    // Node leaves up to 64 MB of buffers to its next collection, so the first ones take that in any case.
    await push('v100')
    const first = peakMb()
    await push('v101')
    const pulled = await inStep(
      'build',
      `skopeo copy -q --preserve-digests ${image}:v101 oci:out:x && du -sm out`,
    )
    assert.equal(pulled.exitCode, 0, pulled.stderr)
    assert.match(pulled.stdout, /^9\d\tout$/m)
    assert.ok(peakMb() - first < 64, `${peakMb() - first} MB more`)
  },
)
