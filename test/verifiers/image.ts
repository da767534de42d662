import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setStage, type Stage } from '../../demo/stage.ts'
import { extendPolicy, findProgram, toolsFor } from '../clients/suite.ts'
import { startRegistry, type Registry } from '../e2e/registry.ts'
import type { Row } from './table.ts'

const host = 'registry.example.org'
const needs = ['cosign', 'crane', 'docker-registry']

interface World {
  readonly folder: string
  /** As cosign reaches the registry, which does not go through Mayfly. */
  readonly image: string
  /** In the same repository, put there by nobody’s step. */
  readonly stranger: string
  readonly environment: Readonly<Record<string, string>>
}

/**
 * An image that a step pushed through the gateway, with what the server put beside it in Debian's registry, which lists no referrers by
 * itself: cosign finds it there, and verifies it by the server's trusted root alone.
 */
export async function imageRows(): Promise<readonly Row[]> {
  const missing = needs.filter((name) => findProgram(name) === undefined)
  if (missing.length > 0)
    return [{ name: 'cosign: an image', ok: false, note: `not on this machine: ${missing.join(', ')}` }]
  await using opened = new AsyncDisposableStack()
  const world = await openWorld(opened)
  const { image, stranger } = world
  const verify = ['verify-attestation', '--type', 'slsaprovenance1']
  const anybody = ['--certificate-oidc-issuer-regexp', '.*', '--certificate-identity-regexp']
  const workflow = [...anybody, '/octo-org/links/\\.github/workflows/ci\\.yml@refs/heads/main$']
  const root = join(world.folder, 'trusted-root.json')
  return [
    row(world, 'the provenance of an image', true, [...verify, ...workflow, '--trusted-root', root, image]),
    row(world, 'an image', true, ['verify', ...workflow, '--trusted-root', root, image]),
    row(world, 'an image without attestations', false, [
      ...verify,
      ...workflow,
      '--trusted-root',
      root,
      stranger,
    ]),
    row(world, 'an image of another workflow', false, [
      ...verify,
      ...anybody,
      'other',
      '--trusted-root',
      root,
      image,
    ]),
    row(world, 'an image under the public root', false, [
      ...verify,
      ...workflow,
      '--trusted-root',
      publicRoot,
      image,
    ]),
  ]
}

const publicRoot = join(import.meta.dirname, '../fixtures/provenance/public-good-root.json')

function row({ folder, environment }: World, what: string, isGood: boolean, args: readonly string[]): Row {
  const env = { ...environment, HOME: folder, PATH: '/usr/bin:/bin' }
  const ran = spawnSync(findProgram('cosign') ?? '', [...args, '--insecure-ignore-sct'], {
    env,
    encoding: 'utf8',
  })
  const isTaken = ran.status === 0
  const said = ran.stderr.replaceAll(/\s+/g, ' ').slice(0, 160)
  const name = `cosign: ${what}${isGood ? '' : ' (bad)'}`
  return { name, ok: isTaken === isGood, note: isTaken ? 'takes it' : `refuses it: ${said}` }
}

async function openWorld(opened: AsyncDisposableStack): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-verifiers-image-'))
  opened.defer(() => rmSync(folder, { recursive: true, force: true }))
  const registry = opened.use(await startRegistry(join(folder, 'registry'), host, 'basic'))
  const stage = opened.use(await openStage(registry))
  const at = `localhost:${registry.dial.split(':').at(-1)}`
  const auth = Buffer.from(registry.credential).toString('base64')
  mkdirSync(join(folder, 'docker'))
  writeFileSync(join(folder, 'docker/config.json'), JSON.stringify({ auths: { [at]: { auth } } }))
  writeFileSync(join(folder, 'ca.pem'), registry.ca)
  const trustedRoot = await fetch(`${stage.server}/.well-known/mayfly/trusted-root.json`)
  writeFileSync(join(folder, 'trusted-root.json'), await trustedRoot.text())
  const environment = { SSL_CERT_FILE: join(folder, 'ca.pem'), DOCKER_CONFIG: join(folder, 'docker') }
  const pushed = await stage.runJob(...pushing(stage))
  const stranger = push(`${at}/octo/app:stranger`, folder, environment)
  const digest = digestIn(pushed.stdout, pushed.stderr)
  return { folder, environment, image: `${at}/octo/app@${digest}`, stranger: `${at}/octo/app@${stranger}` }
}

async function openStage({ dial, ca, credential }: Registry): Promise<Stage> {
  const images = { kind: 'oci', url: `https://${host}`, dial, ca, credential: { basic: 'secret:registry' } }
  const release = ['oci:push images/octo/app@v*', 'oci:pull images/octo/app']
  const stage = await setStage({
    policy: (text) => extendPolicy(text, { connections: { images }, grants: { release } }),
  })
  await stage.operate(['secret', 'set', 'registry'], credential)
  return stage
}

const script = (image: string, text: string) =>
  `set -e; echo ${text} >hello; tar cf layer.tar hello; crane append -f layer.tar -t ${image}; echo pushed $(crane digest ${image})`

function pushing(stage: Stage): [args: string[], env: Record<string, string>] {
  const env = stage.jobEnvironment()
  const command = ['bash', '-c', script(`${host}/octo/app:v1`, 'ours')]
  const path = `${dirname(findProgram('crane') ?? '')}:${env['PATH']}`
  return [['run', '--role', 'release', ...toolsFor(['crane']), '--', ...command], { ...env, PATH: path }]
}

function push(image: string, cwd: string, environment: World['environment']): string {
  const env = { ...environment, HOME: cwd, PATH: `${dirname(findProgram('crane') ?? '')}:/usr/bin:/bin` }
  const { stdout, stderr } = spawnSync('bash', ['-c', script(image, 'a stranger')], {
    cwd,
    env,
    encoding: 'utf8',
  })
  return digestIn(stdout, stderr)
}

function digestIn(stdout: string, stderr: string): string {
  const digest = /pushed (sha256:[0-9a-f]{64})/.exec(stdout)?.[1]
  if (digest === undefined) throw new Error(`nothing was pushed: ${stderr}`)
  return digest
}
