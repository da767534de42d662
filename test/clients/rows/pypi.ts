import assert from 'node:assert/strict'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import { setStage, type Stage } from '../../../demo/stage.ts'
import { makeWheel, startPypiserver, type PackageIndex } from '../servers/pypiserver.ts'
import { inStep, pip, workspaceOf } from '../servers/python-step.ts'
import { extendPolicy, suite } from '../suite.ts'

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
      policy: (text) => {
        const extended = extendPolicy(text, {
          connections: {
            pypi: { kind: 'pypi', url: `https://${host}`, dial, ca, credential: { basic: 'secret:pypi' } },
          },
          grants: {
            build: ['pypi:install pypi'],
            release: ['pypi:resolve pypi/octo-*', 'pypi:publish pypi/octo-new@1.*'],
          },
        })
        const document = parseDocument(extended)
        const { build } = (document.toJS() as { roles: { build: object } }).roles
        const grants = [{ grant: 'pypi:publish pypi/octo-proven@1.*', provenance: { role: 'build' } }]
        document.setIn(['roles', 'proven'], { ...build, grants })
        return document.toString()
      },
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

export default suite<World>({
  name: 'pypi',
  needs: ['pypi-server', 'python3'],
  slow: true,
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
          workspaceOf(world, { 'requirements.txt': requirementsOf(world) }),
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
        const files = () => workspaceOf(world, { 'requirements.txt': requirementsOf(world) })
        const confused = await inStep(world, 'build', [], files(), `${pip} --target . confused`)
        assert.notEqual(confused.exitCode, 0)
        assert.match(confused.stderr, /refused: .*does not pin confused: .*grant "pypi:resolve pypi"/)
        const workspace = files()
        makeWheel(world.index.folder, 'octo-leaf', '1.0', { code: 'evil = True' })
        const swapped = await inStep(world, 'build', [], workspace, `${pip} --target . -r requirements.txt`)
        assert.notEqual(swapped.exitCode, 0)
        assert.doesNotMatch(swapped.stdout, /Successfully/)
      },
    },
    {
      name: 'uv: pip install, lock, sync --locked',
      needs: ['uv'],
      async run(world) {
        const files = () => workspaceOf(world, { 'requirements.txt': requirementsOf(world) })
        const pipped = await inStep(
          world,
          'build',
          ['uv'],
          files(),
          `uv pip install --no-cache -q --target . --require-hashes -r requirements.txt && /usr/bin/python3 -c '${show}'`,
        )
        assert.equal(pipped.exitCode, 0, pipped.stderr)
        assert.match(pipped.stdout, shown)
        const project =
          '[project]\nname = "app"\nversion = "0.1.0"\nrequires-python = ">=3.8"\ndependencies = ["octo-core"]\n'
        const locked = await inStep(
          world,
          'release',
          ['uv'],
          workspaceOf(world, { 'pyproject.toml': project }),
          'uv lock -q --no-cache -p /usr/bin/python3 && cat uv.lock',
        )
        assert.equal(locked.exitCode, 0, locked.stderr)
        // Good outside of a step, too: no address in it is ours.
        assert.match(locked.stdout, /registry = "https:\/\/pypi\.example\.com\/simple"/)
        const synced = await inStep(
          world,
          'build',
          ['uv'],
          workspaceOf(world, { 'pyproject.toml': project, 'uv.lock': locked.stdout }),
          `uv sync -q --locked --no-cache -p /usr/bin/python3 && .venv/bin/python -c '${show}'`,
        )
        assert.equal(synced.exitCode, 0, synced.stderr)
        assert.match(synced.stdout, /^octo-core 1\.0 octo-leaf 2\.0$/m)
      },
    },
    {
      name: 'poetry: lock, install',
      slow: true,
      needs: ['poetry'],
      async run(world) {
        requirementsOf(world)
        const project = `[project]\nname = "app"\nversion = "0.1.0"\nrequires-python = ">=3.9,<4"\ndependencies = ["octo-core (>=1)"]\n[tool.poetry]\npackage-mode = false\n[[tool.poetry.source]]\nname = "octo"\nurl = "https://${host}/simple/"\npriority = "primary"\n`
        const poetry = 'export POETRY_VIRTUALENVS_IN_PROJECT=true; poetry -n --no-cache'
        const locking = workspaceOf(world, { 'pyproject.toml': project })
        const locked = await inStep(
          world,
          'release',
          ['poetry'],
          locking,
          `${poetry} lock >&2 && cat poetry.lock`,
        )
        assert.equal(locked.exitCode, 0, locked.stderr)
        const installing = workspaceOf(world, { 'pyproject.toml': project, 'poetry.lock': locked.stdout })
        const installed = await inStep(
          world,
          'build',
          ['poetry'],
          installing,
          `${poetry} install >&2 && .venv/bin/python -c '${show}'`,
        )
        assert.equal(installed.exitCode, 0, installed.stderr)
        assert.match(installed.stdout, /^octo-core 1\.0 octo-leaf 2\.0$/m)
      },
    },
    {
      name: 'pdm: lock, sync',
      slow: true,
      needs: ['pdm'],
      async run(world) {
        requirementsOf(world)
        const project = `[project]\nname = "app"\nversion = "0.1.0"\nrequires-python = ">=3.9"\ndependencies = ["octo-core>=1"]\n[tool.pdm]\ndistribution = false\n[[tool.pdm.source]]\nname = "pypi"\nurl = "https://${host}/simple"\n`
        const pdm = 'export PDM_CHECK_UPDATE=false; pdm use -q -f /usr/bin/python3 >&2; pdm'
        const locked = await inStep(
          world,
          'release',
          ['pdm'],
          workspaceOf(world, { 'pyproject.toml': project }),
          `${pdm} lock -q >&2 && cat pdm.lock`,
        )
        assert.equal(locked.exitCode, 0, locked.stderr)
        const synced = await inStep(
          world,
          'build',
          ['pdm'],
          workspaceOf(world, { 'pyproject.toml': project, 'pdm.lock': locked.stdout }),
          `${pdm} sync -q >&2 && pdm run -s python -c '${show}'`,
        )
        assert.equal(synced.exitCode, 0, synced.stderr)
        assert.match(synced.stdout, /^octo-core 1\.0 octo-leaf 2\.0$/m)
      },
    },
    {
      name: 'twine upload',
      needs: ['twine'],
      async run(world) {
        await publishes(world, 'twine', (files) => `twine upload --non-interactive ${files}`)
      },
    },
    {
      name: 'twine upload under a demand',
      needs: ['twine'],
      async run(world) {
        await publishesProven(world, 'twine', (files) => `twine upload --non-interactive ${files}`)
      },
    },
    {
      name: 'uv publish under a demand',
      slow: true,
      needs: ['uv'],
      async run(world) {
        await publishesProven(world, 'uv', (files) => `uv publish ${files}`)
      },
    },
    {
      name: 'uv publish',
      slow: true,
      needs: ['uv'],
      async run(world) {
        await publishes(world, 'uv', (files) => `uv publish ${files}`)
      },
    },
  ],
})

const show = 'import octo_core, octo_leaf; print(octo_core.answer, octo_leaf.answer)'
const shown = /^octo-core 1\.0 octo-leaf 1\.0$/m

/** Of what is there now. */
function requirementsOf({ index }: World): string {
  const core = makeWheel(index.folder, 'octo-core', '1.0', { requires: 'octo-leaf>=1' })
  const leaf = makeWheel(index.folder, 'octo-leaf', '1.0')
  return `Octo.Core==1.0 --hash=sha256:${core.sha256}\nocto-leaf==1.0 --hash=sha256:${leaf.sha256}\n`
}

async function publishes(world: World, tool: string, publish: (files: string) => string): Promise<void> {
  const { index } = world
  rmSync(join(index.folder, 'octo_new-1.0-py3-none-any.whl'), { force: true })
  const step = (name: string, version: string) => {
    const workspace = workspaceOf(world)
    return inStep(world, 'release', [tool], workspace, publish(makeWheel(workspace, name, version).file))
  }
  const first = await step('octo-new', '1.0')
  assert.equal(first.exitCode, 0, `${first.stdout}${first.stderr}`)
  assert.ok(index.files().includes('octo_new-1.0-py3-none-any.whl'))
  for (const [name, version, why] of [
    ['octo-new', '1.0', /File already exists/],
    ['octo-new', '2.0', /pypi:publish pypi\/octo-new@2\.0/],
    ['octo-evil', '1.0', /pypi:publish pypi\/octo-evil@1\.0/],
  ] as const) {
    const { exitCode, stdout, stderr } = await step(name, version)
    assert.notEqual(exitCode, 0)
    assert.match(`${stdout}${stderr}`, why)
  }
  assert.ok(!index.files().some((file) => /octo_(?:evil|new-2)/.test(file)))
}

/** The wheel that a build step declared passes, with its dependencies in the form; another one of the same name does not. */
async function publishesProven(
  world: World,
  tool: string,
  publish: (files: string) => string,
): Promise<void> {
  const { index } = world
  const [name, version] = ['octo-proven', `1.${tool.length}`]
  const [building, releasing] = [workspaceOf(world), workspaceOf(world)]
  const { file } = makeWheel(building, name, version, { requires: 'octo-leaf>=1' })
  const built = await inStep(world, 'build', [], building, 'ls', ['--artifact', '*.whl'])
  assert.equal(built.exitCode, 0, built.stderr)
  const step = () => inStep(world, 'proven', [tool], releasing, publish(file))
  makeWheel(releasing, name, version, { code: 'evil = True', requires: 'octo-leaf>=1' })
  const refused = await step()
  assert.notEqual(refused.exitCode, 0)
  // What the tool itself shows, as it breaks its lines.
  const own = `${refused.stdout}${refused.stderr.replaceAll(/^mayfly: .*$/gm, '')}`.replaceAll(/\s+/g, ' ')
  assert.match(own, /asks for `provenance`: provenance: there is none about sha256:[0-9a-f]{64}/)
  assert.ok(!index.files().includes(file))
  cpSync(join(building, file), join(releasing, file))
  const published = await step()
  assert.equal(published.exitCode, 0, `${published.stdout}${published.stderr}`)
  assert.ok(index.files().includes(file))
}
