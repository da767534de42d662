import assert from 'node:assert/strict'
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import { setStage, type Ran, type Stage } from '../../../demo/stage.ts'
import { makeWheel } from '../servers/pypiserver.ts'
import { inStep, workspaceOf } from '../servers/python-step.ts'
import { startTrustedRegistry, type TrustedRegistry } from '../servers/trusted-registry.ts'
import { extendPolicy, suite, toolsFor } from '../suite.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
  readonly npm: TrustedRegistry
  readonly pypi: TrustedRegistry
}

const [npmHost, pypiHost] = ['npm.example.com', 'pypi.example.com']

async function open(): Promise<World> {
  await using started = new AsyncDisposableStack()
  let issuer = ''
  const npm = started.use(await startTrustedRegistry(npmHost, () => issuer))
  const pypi = started.use(await startTrustedRegistry(pypiHost, () => issuer))
  const connectionOf = (kind: string, host: string, { dial, ca }: TrustedRegistry, audience: string) => ({
    ...{ kind, url: `https://${host}`, dial, ca },
    trusted_publishing: { audience },
  })
  const stage = started.use(
    await setStage({
      policy(text) {
        const connections = {
          npm: connectionOf('npm', npmHost, npm, `npm:${npmHost}`),
          pypi: connectionOf('pypi', pypiHost, pypi, 'pypi'),
        }
        const document = parseDocument(extendPolicy(text, { connections, grants: {} }))
        const { build } = (document.toJS() as { roles: { build: object } }).roles
        const grants = ['npm:publish npm/@octo/*@1.*', 'pypi:publish pypi/octo-new@1.*']
        document.setIn(['roles', 'publish'], { ...build, grants })
        return document.toString()
      },
    }),
  )
  issuer = stage.issuer.url
  const running = started.move()
  return { stage, npm, pypi, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

let jobs = 0
function publish({ stage }: World, name: string, env = '', command = 'publish'): Promise<Ran> {
  const manifest = JSON.stringify({ name, version: '1.0.0', license: 'MIT' })
  const script = `echo '${manifest}' > package.json && echo 1 > index.js && ${env} npm ${command} --access public`
  return stage.runJob(
    ['run', '--role', 'publish', ...toolsFor(['npm']), '--', 'bash', '-c', script],
    stage.jobEnvironment({ run_id: `79000${jobs++}` }),
  )
}

async function uploads(world: World, tool: string, command: string): Promise<void> {
  const workspace = workspaceOf(world)
  const { file } = makeWheel(workspace, 'octo-new', '1.2')
  const before = world.pypi.published.length
  const ran = await inStep(world, 'publish', [tool], workspace, `${command} ${join('.', file)}`)
  assert.equal(ran.exitCode, 0, `${ran.stdout}\n${ran.stderr}`)
  assert.equal(world.pypi.published.length, before + 1)
}

export default suite<World>({
  name: 'trusted publishing',
  needs: ['npm'],
  slow: true,
  open,
  rows: [
    {
      name: 'npm publish: as ever, with the identity of the job',
      needs: [],
      async run(world) {
        const ran = await publish(world, '@octo/new')
        assert.equal(ran.exitCode, 0, `${ran.stdout}\n${ran.stderr}`)
        assert.deepEqual(world.npm.published, ['@octo/new'])
      },
    },
    {
      name: 'npm publish: npm exchanges a token that it sees itself, and has a stand-in',
      slow: true,
      needs: [],
      async run(world) {
        const before = world.npm.seen.length
        const own = 'GITHUB_ACTIONS=true NPM_ID_TOKEN=e30.e30.c2ln'
        const ran = await publish(world, '@octo/other', own)
        assert.equal(ran.exitCode, 0, `${ran.stdout}\n${ran.stderr}`)
        const asked = world.npm.seen.slice(before).filter((line) => line.startsWith('POST'))
        assert.equal(asked.length, 1, 'the exchange of npm itself went upstream')
      },
    },
    {
      name: 'npm stage publish: waits for a person',
      needs: [],
      async run(world) {
        const ran = await publish(world, '@octo/staged', '', 'stage publish')
        assert.equal(ran.exitCode, 0, `${ran.stdout}\n${ran.stderr}`)
        assert.match(ran.stdout, /staged with id stg-1/)
        assert.equal(world.npm.published.at(-1), '@octo/staged (staged)')
      },
    },
    {
      name: 'npm publish: a job that is not its publisher',
      needs: [],
      async run(world) {
        const before = world.npm.published.length
        world.npm.publisher = 'octo-org/another'
        const ran = await publish(world, '@octo/new')
        assert.notEqual(ran.exitCode, 0)
        assert.match(ran.stderr, /needs a trusted publisher there that names this repository and workflow/)
        assert.equal(world.npm.published.length, before)
      },
    },
    {
      name: 'twine upload',
      needs: ['twine', 'python3'],
      run: (world) => uploads(world, 'twine', 'twine upload --non-interactive'),
    },
    {
      name: 'uv publish',
      slow: true,
      needs: ['uv', 'python3'],
      run: (world) => uploads(world, 'uv', 'uv publish'),
    },
  ],
})
