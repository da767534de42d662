import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { spawnSync } from 'node:child_process'
import { setStage, type Ran, type Stage } from '../../demo/stage.ts'
import { noRegistry, startRegistry, type Registry } from './registry.ts'

const host = 'registry.example.org'
const skip = noRegistry() || noProgram('skopeo')

let stage: Stage
let registry: Registry
let folder: string
before(async () => {
  if (skip !== false) return
  folder = mkdtempSync(join(tmpdir(), 'mayfly-oci-'))
  registry = await startRegistry(join(folder, 'registry'), host, 'token')
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

function withRegistry(text: string, { dial, ca, tokenHost }: Registry): string {
  const json = JSON.stringify
  const images = `  images: { kind: oci, url: "https://${host}", dial: ${json(dial)}, ca: ${json(ca)}, token_host: ${json(tokenHost)}, credential: { basic: secret:registry } }\n`
  return text
    .replace(/^connections:\n/m, `connections:\n${images}`)
    .replace(
      /(  release:\n(?:.*\n)*?    grants:\n)/,
      '$1      - oci:push images/octo/app@v*\n      - oci:pull images/octo/base\n',
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

/** Shell that makes an image in the OCI layout, as a build does, with a layer of so many random bytes; `$digest` is its manifest's. */
const makeLayout = `layout() {
  mkdir -p $1/blobs/sha256; echo '{"imageLayoutVersion":"1.0.0"}' >$1/oci-layout
  add() { hex=$(sha256sum <$2 | cut -d' ' -f1); size=$(stat -c %s $2); mv $2 $1/blobs/sha256/$hex; }
  head -c $2 /dev/urandom >/tmp/layer; add $1 /tmp/layer; local layer=$hex layerSize=$size
  printf '{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' $layer >/tmp/config
  add $1 /tmp/config; local config=$hex configSize=$size t=application/vnd.oci.image
  printf '{"schemaVersion":2,"mediaType":"%s","config":{"mediaType":"%s","digest":"sha256:%s","size":%s},"layers":[{"mediaType":"%s","digest":"sha256:%s","size":%s}]}' \
    $t.manifest.v1+json $t.config.v1+json $config $configSize $t.layer.v1.tar $layer $layerSize >/tmp/manifest
  add $1 /tmp/manifest; digest=sha256:$hex
  printf '{"schemaVersion":2,"manifests":[{"mediaType":"%s","digest":"%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"x"}}]}' $t.manifest.v1+json $digest $size >$1/index.json
}
`

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
