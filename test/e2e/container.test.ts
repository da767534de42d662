import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setStage, type Stage } from '../../demo/stage.ts'
import { image, prepareImage } from '../../src/runner/sandbox/image.fixture.ts'

let stage: Stage
before(async () => {
  stage = await setStage({
    policy: (text) =>
      `${text}  boxed:\n    trust: { issuer: ci, repository_id: "1296269" }\n    isolation: container\n    grants: [ "git:read git/octo-org/links" ]\n`,
  })
})
after(() => stage[Symbol.asyncDispose]())

const run = (...args: readonly string[]) => stage.runJob(['run', ...args], stage.jobEnvironment())

test('a step of a pipeline runs in podman: its way out is the gateway’s, its files are the caller’s, and the record says how it was isolated', async (t) => {
  const why = prepareImage(t)
  if (why !== undefined) return t.skip(why)
  const script = `printf 'CONNECT other.example.com:443 HTTP/1.1\\r\\nHost: other.example.com:443\\r\\n\\r\\n' | nc 127.0.0.1 3128 | grep HTTP; echo "$MAYFLY_STEP $HOME"; echo made > made`
  writeFileSync(
    join(stage.workspace, 'boxed.yaml'),
    `steps:\n  - name: boxed\n    role: boxed\n    isolation: podman\n    image: ${image}\n    run: |\n      ${script}\n`,
  )
  const ran = await run('-f', 'boxed.yaml')
  assert.equal(ran.exitCode, 0, ran.stderr)
  assert.match(ran.stdout, /HTTP\/1\.1 403/)
  assert.match(ran.stdout, /^.*stp_\w+ \/home\/step$/m)
  assert.equal(readFileSync(join(stage.workspace, 'made'), 'utf8'), 'made\n')
  const runId = /run_\w+/.exec(ran.stderr)?.[0] ?? ''
  let story = ''
  // The log is written to disk a moment after its entries are durable.
  for (let tries = 0; tries < 60 && !/session ended/.test(story); tries++) {
    if (tries > 0) await new Promise((next) => setTimeout(next, 100))
    story = (await stage.operate(['audit', 'show', '--data', stage.dataFolder, '--run', runId])).stdout
  }
  assert.match(story, /isolation B by podman \(without landlock\)/)
  assert.match(story, /other\.example\.com/)
})

test('a role that asks for more does not run in a container, and an engine or image that is missing is said', async (t) => {
  const more = await run('--role', 'build', '--isolation', 'podman', '--image', image, '--', 'true')
  assert.equal(more.exitCode, 125)
  assert.match(more.stderr, /role "build" needs isolation "namespace", and podman is "container"/)
  if (!existsSync('/usr/bin/podman')) return t.skip('podman is not installed')
  const missing = await run(
    '--role',
    'boxed',
    '--isolation',
    'podman',
    '--image',
    'localhost/no-such:1',
    '--',
    'true',
  )
  assert.equal(missing.exitCode, 125)
  assert.match(missing.stderr, /the image localhost\/no-such:1 is not there for podman .*a step pulls none/)
})
