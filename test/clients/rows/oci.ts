import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseDocument } from 'yaml'
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
    policy: (text) => {
      const extended = extendPolicy(text, {
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
          build: ['oci:pull images/octo/app', 'oci:list images/octo/app', 'oci:push images/octo/app@build-*'],
          release: ['oci:push images/octo/app@v*', 'oci:pull images/octo/app'],
        },
      }).replace('  release:\n', '  release:\n    allow: [nested-namespaces]\n')
      const document = parseDocument(extended)
      const { build } = (document.toJS() as { roles: { build: object } }).roles
      const demanding = { grant: 'oci:push images/octo/app@proven-*', provenance: { role: 'build' } }
      document.setIn(['roles', 'proven'], { ...build, grants: ['oci:pull images/octo/app', demanding] })
      return document.toString()
    },
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

async function inStep(world: World, role: string, tool: string, script: string): Promise<Ran> {
  const ran = await tryStep(world, role, tool, script)
  assert.equal(ran.exitCode, 0, ran.stderr)
  return ran
}

/** How it ends is for the caller to say. */
async function tryStep({ stage }: World, role: string, tool: string, script: string): Promise<Ran> {
  const env = stage.jobEnvironment({ run_id: `60000${runs++}` })
  return stage.runJob(
    ['run', '--role', role, ...toolsFor([tool]), '--', 'bash', '-c', `set -e\n${makeLayout}\n${script}`],
    { ...env, PATH: `${dirname(findProgram(tool) ?? '')}:${env['PATH']}` },
  )
}

/** How a tool pushes an image of its own under a tag, and gives one that is there another tag. */
interface Tagger {
  push(to: string): string
  copy(from: string, to: string): string
}

const taggers: Readonly<Record<string, Tagger>> = {
  skopeo: {
    push: (to) => `rm -rf in; layout in 3000; skopeo copy -q --preserve-digests oci:in:x docker://${to}`,
    copy: (from, to) => `skopeo copy -q --preserve-digests docker://${from} docker://${to}`,
  },
  crane: {
    push: (to) => `echo $RANDOM >hello; tar cf layer.tar hello; crane append -f layer.tar -t ${to}`,
    copy: (from, to) => `crane copy ${from} ${to}`,
  },
  oras: {
    push: (to) => `echo $RANDOM >hello.txt; oras push ${to} hello.txt`,
    copy: (from, to) => `oras copy ${from} ${to}`,
  },
}

/** What the build step pushed gets its tag under a demand; what the step makes itself does not, and the client says what is missing. */
async function tagsProven(world: World, tool: string, { push, copy }: Tagger): Promise<void> {
  const [built, proven] = [`build-${tool}`, `proven-${tool}`]
  await inStep(world, 'build', tool, push(`${image}:${built}`))
  const pushed = world.registry.tag('octo/app', built)
  assert.match(pushed ?? '', /^sha256:/)
  const refused = await tryStep(world, 'proven', tool, push(`${image}:${proven}`))
  assert.notEqual(refused.exitCode, 0)
  const own = refused.stderr.replaceAll(/^mayfly: .*$/gm, '')
  assert.match(own, /asks for `provenance`: provenance: there is none about sha256:[0-9a-f]{64}/)
  assert.equal(world.registry.tag('octo/app', proven), undefined)
  await inStep(world, 'proven', tool, copy(`${image}:${built}`, `${image}:${proven}`))
  assert.equal(world.registry.tag('octo/app', proven), pushed)
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
    ...Object.entries(taggers).map(([tool, tagger]) => ({
      name: `${tool}: under a demand`,
      needs: [tool],
      run: (world: World) => tagsProven(world, tool, tagger),
    })),
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
