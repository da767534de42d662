import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setStage, type Ran, type Stage } from '../../../demo/stage.ts'
import { makeWheel, startPypiserver, type PackageIndex } from '../servers/pypiserver.ts'
import { extendPolicy, suite, toolsFor } from '../suite.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
  readonly index: PackageIndex
}

const host = 'pypi.example.com'

/** pypiserver, which asks everybody for a password, as a connection of kind pypi. */
async function open(): Promise<World> {
  await using started = new AsyncDisposableStack()
  const index = started.use(await startPypiserver(host))
  const { dial, ca } = index
  const stage = started.use(
    await setStage({
      policy: (text) =>
        extendPolicy(text, {
          connections: {
            pypi: { kind: 'pypi', url: `https://${host}`, dial, ca, credential: { basic: 'secret:pypi' } },
          },
          grants: {
            build: ['pypi:install pypi'],
            release: ['pypi:resolve pypi/octo-*', 'pypi:publish pypi/octo-new@1.*'],
          },
        }),
    }),
  )
  await stage.operate(['secret', 'set', 'pypi'], index.credential)
  for (const [name, version, requires] of [
    ['Octo.Core', '1.0', 'octo-leaf>=1'],
    ['octo-leaf', '1.0', undefined],
    ['octo-leaf', '2.0', undefined],
    ['confused', '9.0', undefined],
  ] as const)
    makeWheel(index.folder, name.replace('.', '-'), version, requires === undefined ? {} : { requires })
  const running = started.move()
  return { stage, index, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

async function inStep(
  { stage }: World,
  role: string,
  tools: readonly string[],
  files: Readonly<Record<string, string>>,
  script: string,
): Promise<Ran> {
  rmSync(stage.workspace, { recursive: true, force: true })
  mkdirSync(stage.workspace)
  for (const [path, text] of Object.entries(files)) writeFileSync(join(stage.workspace, path), text)
  return stage.runJob(
    ['run', '--role', role, ...toolsFor(tools), '--', 'bash', '-c', script],
    stage.jobEnvironment(),
  )
}

export default suite<World>({
  name: 'pypi',
  needs: ['pypi-server', 'python3'],
  open,
  rows: [
    {
      name: 'pip install -r requirements.txt',
      needs: ['pip'],
      async run(world) {
        const { exitCode, stdout, stderr } = await inStep(
          world,
          'build',
          [],
          { 'requirements.txt': requirementsOf(world) },
          `${pip} --target . -r requirements.txt && /usr/bin/python3 -c '${show}'`,
        )
        assert.equal(exitCode, 0, stderr)
        assert.match(stdout, shown)
      },
    },
    {
      name: 'pip: a project that is not pinned, and one that was swapped',
      needs: ['pip'],
      async run(world) {
        const files = { 'requirements.txt': requirementsOf(world) }
        const confused = await inStep(world, 'build', [], files, `${pip} --target . confused`)
        assert.notEqual(confused.exitCode, 0)
        assert.match(confused.stderr, /refused: .*does not pin confused: .*grant "pypi:resolve pypi"/)
        makeWheel(world.index.folder, 'octo-leaf', '1.0', { code: 'evil = True' })
        const swapped = await inStep(world, 'build', [], files, `${pip} --target . -r requirements.txt`)
        assert.notEqual(swapped.exitCode, 0)
        assert.doesNotMatch(swapped.stdout, /Successfully/)
      },
    },
  ],
})

/** The system's own, which a step sees. */
const pip = '/usr/bin/python3 -m pip --no-cache-dir install --no-warn-script-location'
const show = 'import octo_core, octo_leaf; print(octo_core.answer, octo_leaf.answer)'
const shown = /^octo-core 1\.0 octo-leaf 1\.0$/m

/** Of what is there now. */
function requirementsOf({ index }: World): string {
  const core = makeWheel(index.folder, 'octo-core', '1.0', { requires: 'octo-leaf>=1' })
  const leaf = makeWheel(index.folder, 'octo-leaf', '1.0')
  return `Octo.Core==1.0 --hash=sha256:${core.sha256}\nocto-leaf==1.0 --hash=sha256:${leaf.sha256}\n`
}
