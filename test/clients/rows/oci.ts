import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setStage, type Ran, type Stage } from '../../../demo/stage.ts'
import { makeLayout, startRegistry, type Registry } from '../../e2e/registry.ts'
import { extendPolicy, findProgram, suite, toolsFor } from '../suite.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
  readonly registry: Registry
}

const host = 'registry.example.org'
const image = `${host}/octo/app`

/** A registry that takes tokens, as the public ones do. */
async function open(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-clients-oci-'))
  const registry = await startRegistry(join(folder, 'registry'), host, 'token')
  const { dial, ca, tokenHost } = registry
  const stage = await setStage({
    policy: (text) =>
      extendPolicy(text, {
        connections: {
          images: {
            kind: 'oci',
            url: `https://${host}`,
            dial,
            ca,
            token_host: tokenHost,
            credential: { basic: 'secret:registry' },
          },
        },
        grants: {
          build: ['oci:pull images/octo/app', 'oci:list images/octo/app'],
          release: ['oci:push images/octo/app@v*', 'oci:pull images/octo/app'],
        },
      }).replace('  release:\n', '  release:\n    allow: [nested-namespaces]\n'),
  })
  await stage.operate(['secret', 'set', 'registry'], registry.credential)
  return {
    stage,
    registry,
    async [Symbol.asyncDispose]() {
      await stage[Symbol.asyncDispose]()
      await registry[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

let runs = 0

async function inStep({ stage }: World, role: string, tool: string, script: string): Promise<Ran> {
  const env = stage.jobEnvironment({ run_id: `60000${runs++}` })
  const ran = await stage.runJob(
    ['run', '--role', role, ...toolsFor([tool]), '--', 'bash', '-c', `set -e\n${makeLayout}\n${script}`],
    { ...env, PATH: `${dirname(findProgram(tool) ?? '')}:${env['PATH']}` },
  )
  assert.equal(ran.exitCode, 0, ran.stderr)
  return ran
}

/** The tag is there, by the digest that the step printed. */
function assertTag({ registry }: World, tag: string, { stdout }: Ran): void {
  const digest = /pushed (sha256:[0-9a-f]{64})/.exec(stdout)?.[1]
  assert.ok(digest !== undefined, stdout)
  assert.equal(registry.tag('octo/app', tag), digest)
}

export default suite<World>({
  name: 'oci',
  needs: ['docker-registry'],
  slow: true,
  open,
  rows: [
    {
      name: 'skopeo',
      needs: ['skopeo'],
      async run(world) {
        const pushed = await inStep(
          world,
          'release',
          'skopeo',
          `layout in 300000; skopeo copy --preserve-digests oci:in:x docker://${image}:v1; echo pushed $digest`,
        )
        assertTag(world, 'v1', pushed)
        const { stdout } = await inStep(
          world,
          'build',
          'skopeo',
          `skopeo inspect docker://${image}:v1; skopeo copy docker://${image}:v1 oci:out:x`,
        )
        assert.match(stdout, /"RepoTags": \[\s*"v1"/)
      },
    },
    {
      name: 'crane',
      needs: ['crane'],
      async run(world) {
        const pushed = await inStep(
          world,
          'release',
          'crane',
          `echo hello >hello; tar cf layer.tar hello; crane append -f layer.tar -t ${image}:v2; crane copy ${image}:v2 ${image}:v2.1; echo pushed $(crane digest ${image}:v2)`,
        )
        assertTag(world, 'v2', pushed)
        assertTag(world, 'v2.1', pushed)
        const { stdout } = await inStep(
          world,
          'build',
          'crane',
          `crane ls ${image}; crane export ${image}:v2 - | tar xO hello`,
        )
        assert.match(stdout, /^v2\.1$/m)
        assert.match(stdout, /^hello$/m)
      },
    },
    {
      name: 'oras',
      needs: ['oras'],
      async run(world) {
        const { stdout } = await inStep(
          world,
          'release',
          'oras',
          `echo hello >hello.txt; echo '{}' >sbom.json
          oras push ${image}:v3 hello.txt
          oras attach --artifact-type application/vnd.example.sbom ${image}:v3 sbom.json
          oras discover ${image}:v3`,
        )
        assert.match(stdout, /application\/vnd\.example\.sbom/)
        await inStep(
          world,
          'build',
          'oras',
          `rm -rf hello.txt; oras pull ${image}:v3; test "$(cat hello.txt)" = hello; oras discover ${image}:v3 | grep vnd.example.sbom`,
        )
      },
    },
    {
      name: 'buildah',
      needs: ['buildah'],
      async run(world) {
        const { stdout } = await inStep(
          world,
          'release',
          'buildah',
          `c=$(buildah from scratch); echo hello >hello; buildah copy $c hello; buildah commit $c ${image}:v4
          buildah push --digestfile d ${image}:v4; buildah rmi -f -a >/dev/null; buildah pull ${image}:v4; echo pushed $(cat d)`,
        )
        assertTag(world, 'v4', { stdout } as Ran)
      },
    },
    {
      name: 'podman',
      needs: ['podman'],
      async run(world) {
        const { stdout } = await inStep(
          world,
          'release',
          'podman',
          `echo hello >hello; tar cf layer.tar hello; podman import -q layer.tar ${image}:v5
          podman push -q --digestfile d ${image}:v5; podman rmi -f -a >/dev/null; podman pull -q ${image}:v5; echo pushed $(cat d)`,
        )
        assertTag(world, 'v5', { stdout } as Ran)
      },
    },
  ],
})
