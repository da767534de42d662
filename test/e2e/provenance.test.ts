import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
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

const manifestType = 'application/vnd.oci.image.manifest.v1+json'
const indexType = 'application/vnd.oci.image.index.v1+json'
const digestOf = (bytes: Buffer | string) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** Somebody who may write to the registry, past Mayfly. */
function past(
  method: 'GET' | 'PUT' | 'POST',
  path: string,
  type: string,
  body: Buffer | string = '',
): Promise<Buffer> {
  const [address = '', port] = registry.dial.split(':')
  const headers = { 'content-type': type, accept: type, 'content-length': Buffer.byteLength(body) }
  return new Promise((resolve, reject) => {
    const asking = request({
      ...{
        host: address,
        port,
        servername: host,
        ca: registry.ca,
        method,
        auth: registry.credential,
        headers,
      },
      path: path.startsWith('/v2/') ? path : `/v2/octo/app/${path}`,
    })
    asking.once('error', reject).once('response', (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () => {
        const { statusCode = 0, headers: said } = answer
        if (statusCode >= 400)
          reject(new Error(`${method} ${path}: ${statusCode} ${Buffer.concat(chunks).toString()}`))
        else
          resolve(
            said.location === undefined || method !== 'POST'
              ? Buffer.concat(chunks)
              : Buffer.from(said.location),
          )
      })
    })
    asking.end(body)
  })
}

async function putBlob(bytes: Buffer): Promise<void> {
  const url = new URL((await past('POST', 'blobs/uploads/', 'text/plain')).toString(), `https://${host}`)
  url.searchParams.set('digest', digestOf(bytes))
  await past('PUT', `${url.pathname}${url.search}`, 'application/octet-stream', bytes)
}

test(
  'what was put into the registry past Mayfly to pass for what was built does not: parts of an image, referrers that lie, an index, a tag that moved',
  { skip },
  async () => {
    const inStep = (role: string, script: string, ...options: string[]): Promise<Ran> =>
      stage.runJob(
        ['run', '--role', role, '--workspace', workspaceOf(role), ...options, '--', 'bash', '-c', script],
        stage.jobEnvironment({ run_id: '800010' }),
      )
    // The build attests configuration and layers of an image, and another image.
    const built = await inStep(
      'build',
      `${makeLayout} set -e; rm -rf in parts; layout in 2000; mkdir parts
       for one in in/blobs/sha256/*; do [ sha256:$(basename $one) = $digest ] || cp $one parts; done
       echo forged $digest; layout good 2000; ${tagged} oci:good:x ${image}:build-10; echo good $digest`,
      ...['--artifact', 'parts/*'],
    )
    assert.equal(built.exitCode, 0, built.stderr)
    const [forged = '', good = ''] = ['forged', 'good'].map(
      (what) => new RegExp(`${what} (sha256:\\w+)`).exec(built.stdout)?.[1] ?? '',
    )
    const blob = (digest: string) =>
      readFileSync(join(workspaceOf('build'), 'in/blobs/sha256', digest.slice(7)))
    const manifest = blob(forged)
    const { config, layers } = JSON.parse(manifest.toString()) as {
      config: { digest: string }
      layers: { digest: string }[]
    }
    for (const { digest } of [config, ...layers]) await putBlob(blob(digest))
    await past('PUT', 'manifests/build-11', manifestType, manifest)
    let tags = 10
    const release = async (from: string, options = '') => {
      const tag = `v${++tags}`
      const ran = await inStep('release', `${tagged} ${options} ${image}${from} ${image}:${tag}`)
      return { ran, digest: registry.tag('octo/app', tag) }
    }
    const refused = async (from: string, why: RegExp, options?: string) => {
      const { ran, digest } = await release(from, options)
      assert.match(ran.stderr, why)
      assert.equal(digest, undefined)
    }
    await refused(':build-11', new RegExp(`there is none about ${forged}`))
    // The attestations of the good image, listed as if they were about the other one.
    const beside = await past('GET', `manifests/${good.replace(':', '-')}`, indexType)
    await past('PUT', `manifests/${forged.replace(':', '-')}`, indexType, beside)
    await refused(`@${forged}`, new RegExp(`there is none about ${forged}`))
    const listed = (bytes: Buffer | string, architecture: string) => ({
      ...{ mediaType: manifestType, digest: digestOf(bytes), size: Buffer.byteLength(bytes) },
      platform: { os: 'linux', architecture },
    })
    const goodManifest = await past('GET', `manifests/${good}`, manifestType)
    const indexOf = (...manifests: object[]) =>
      JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests })
    const both = indexOf(listed(goodManifest, 'amd64'), listed(manifest, 'arm64'))
    await past('PUT', 'manifests/multi', indexType, both)
    await refused(':multi', new RegExp(`of what it lists: .*there is none about ${forged}`), '--all')
    const alone = indexOf(listed(goodManifest, 'amd64'))
    await past('PUT', 'manifests/multi', indexType, alone)
    const passed = await release(':multi', '--all')
    assert.deepEqual([passed.ran.exitCode, passed.digest], [0, digestOf(alone)], passed.ran.stderr)
    // Between the build and the release somebody moves the tag.
    await past('PUT', 'manifests/build-10', manifestType, manifest)
    // That a release step has sent it, as a part of the index, is attested by now.
    await refused(':build-10', /role: expected build, got release/)
    assert.equal((await release(`@${good}`)).digest, good)
  },
)
