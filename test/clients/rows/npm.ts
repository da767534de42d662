import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseDocument } from 'yaml'
import { setStage, type Ran, type Stage } from '../../../demo/stage.ts'
import { startVerdaccio, type Verdaccio } from '../servers/verdaccio.ts'
import { extendPolicy, findProgram, suite, toolsFor } from '../suite.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
  readonly registry: Verdaccio
}

const host = 'npm.example.com'

/** A registry of ours with a few packages; `build` installs what is pinned, `add` may take new ones up. */
async function open(): Promise<World> {
  const registry = await startVerdaccio(host)
  for (const version of ['1.0.0', '1.1.0']) await registry.publish({ name: 'left', version })
  await registry.publish({ name: '@octo/core', version: '1.0.0', dependencies: { left: '^1.0.0' } })
  await registry.publish({ name: 'right', version: '2.0.0' })
  await registry.publish({ name: '@labs/tool', version: '1.0.0', dependencies: { left: '1.0.0' } })
  for (const version of ['9.9.8', '9.9.9']) await registry.publish({ name: 'pnpm', version })
  const stage = await setStage({
    policy(text) {
      const { dial, ca } = registry
      const npm = { kind: 'npm', url: `https://${host}`, dial, ca, credential: { basic: 'secret:registry' } }
      const document = parseDocument(extendPolicy(text, { connections: { npm }, grants: {} }))
      const build = (document.toJS() as { roles: { build: object } }).roles.build
      document.setIn(['roles', 'add'], { ...build, grants: ['npm:resolve npm'] })
      const own = { ...npm, url: `https://${host}/private`, only: ['@labs/*'] }
      document.setIn(['connections', 'own'], own)
      document.setIn(['roles', 'both'], { ...build, grants: ['npm:resolve npm', 'npm:resolve own'] })
      document.setIn(['roles', 'publish'], { ...build, grants: ['npm:publish npm/@octo/*@1.*'] })
      const demanding = {
        grant: 'npm:publish npm/@octo/*@1.*',
        provenance: { role: 'build', same_run: true },
      }
      document.setIn(['roles', 'proven'], { ...build, grants: [demanding] })
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
    },
  }
}

let jobs = 0
function inStep(
  { stage }: World,
  role: string,
  tool: string,
  script: string,
  { run = `77000${jobs++}`, options = [] }: { run?: string; options?: readonly string[] } = {},
): Promise<Ran> {
  const program = findProgram(tool)
  const env = stage.jobEnvironment({ run_id: run })
  return stage.runJob(['run', '--role', role, ...options, ...toolsFor([tool]), '--', 'bash', '-c', script], {
    ...env,
    PATH: `${program === undefined ? '' : `${dirname(program)}:`}${env['PATH']}`,
  })
}

interface Tool {
  readonly name: string
  /** Makes a lockfile for what package.json asks for; installs just that. */
  readonly add: string
  readonly install: string
  readonly lockfile: string
}

const tools: readonly Tool[] = [
  {
    name: 'npm',
    add: 'npm install --no-audit --no-fund',
    install: 'npm ci --no-audit --no-fund',
    lockfile: 'package-lock.json',
  },
  {
    name: 'pnpm',
    add: 'pnpm install --no-frozen-lockfile',
    install: 'pnpm install --frozen-lockfile',
    lockfile: 'pnpm-lock.yaml',
  },
  { name: 'yarn', add: 'yarn install', install: 'yarn install --frozen-lockfile', lockfile: 'yarn.lock' },
  {
    name: 'yarn4',
    add: 'yarn4 install --no-immutable',
    install: 'yarn4 install --immutable',
    lockfile: 'yarn.lock',
  },
  { name: 'bun', add: 'bun install', install: 'bun install --frozen-lockfile', lockfile: 'bun.lock' },
]

/** Adds packages in a step that may, installs them anew in one that may not, and is refused what no lockfile pins. */
async function addAndInstall(world: World, tool: Tool): Promise<void> {
  const { workspace } = world.stage
  for (const name of readdirSync(workspace)) rmSync(join(workspace, name), { recursive: true })
  const manifest = { name: 'app', version: '1.0.0', private: true, dependencies: { '@octo/core': '1.0.0' } }
  writeFileSync(join(workspace, 'package.json'), JSON.stringify(manifest))
  if (tool.name === 'yarn4') writeFileSync(join(workspace, '.yarnrc.yml'), yarnrc)
  if (tool.name === 'yarn4') writeFileSync(join(workspace, 'yarn.lock'), '')
  const added = await inStep(world, 'add', tool.name, tool.add)
  assert.equal(added.exitCode, 0, `${added.stdout}\n${added.stderr}`)
  assert.match(readFileSync(join(workspace, tool.lockfile), 'utf8'), /left/)
  rmSync(join(workspace, 'node_modules'), { recursive: true })
  const installed = await inStep(
    world,
    'build',
    tool.name,
    `rm -rf .yarn; ${tool.install} && node -p "'core ' + require('@octo/core')"`,
  )
  assert.equal(installed.exitCode, 0, `${installed.stdout}\n${installed.stderr}`)
  assert.match(installed.stdout, /core 1\.0\.0/)
  // What no lockfile pins is not asked for, whatever package.json says by now.
  const more = { ...manifest, dependencies: { ...manifest.dependencies, right: '2.0.0' } }
  writeFileSync(join(workspace, 'package.json'), JSON.stringify(more))
  const seen = world.registry.seen.length
  const refused = await inStep(world, 'build', tool.name, tool.add)
  assert.notEqual(refused.exitCode, 0)
  assert.match(refused.stderr, /the run's lockfile does not pin right.*"npm:resolve npm"/)
  // npm prints the reason itself; of the others it stands in the job's output alone.
  if (tool.name === 'npm') assert.match(refused.stderr, /npm error 403 .*does not pin right/)
  assert.deepEqual(
    world.registry.seen.slice(seen).filter(({ url }) => url.includes('right')),
    [],
  )
}

/**
 * A scope of its own at another path of the same host: npm and yarn 1 are told, others have it in .npmrc; and each package comes
 * from where it is to come from.
 */
async function addFromBoth(world: World, tool: Tool): Promise<void> {
  const { workspace } = world.stage
  for (const name of readdirSync(workspace)) rmSync(join(workspace, name), { recursive: true })
  const manifest = { name: 'app', version: '1.0.0', private: true, dependencies: { '@labs/tool': '1.0.0' } }
  writeFileSync(join(workspace, 'package.json'), JSON.stringify(manifest))
  if (tool.name === 'pnpm' || tool.name === 'bun')
    writeFileSync(join(workspace, '.npmrc'), `@labs:registry=https://${host}/private/\n`)
  const seen = world.registry.seen.length
  const added = await inStep(
    world,
    'both',
    tool.name,
    `${tool.add} && node -p "'tool ' + require('@labs/tool')"`,
  )
  assert.equal(added.exitCode, 0, `${added.stdout}\n${added.stderr}`)
  assert.match(added.stdout, /tool 1\.0\.0/)
  const documents = world.registry.seen.slice(seen).filter(({ url }) => !url.endsWith('.tgz'))
  assert.deepEqual([...new Set(documents.map(({ url }) => url.toLowerCase()))].toSorted(), [
    '/left',
    '/private/@labs%2ftool',
  ])
}

/** Publishes a granted version, not another one, and the same one not twice. */
async function publish(world: World, name: string, command: string): Promise<void> {
  const { registry } = world
  const manifest = (version: string) => JSON.stringify({ name: `@octo/by-${name}`, version, license: 'MIT' })
  const run = (version: string) =>
    inStep(
      world,
      'publish',
      name,
      `rm -rf p; mkdir p && cd p && echo '${manifest(version)}' > package.json && echo 1 > index.js && printf '${name === 'yarn4' ? yarnrc.replaceAll('\n', '\\n') : ''}' > .yarnrc.yml && touch yarn.lock && ${name === 'yarn4' ? 'yarn4 install --no-immutable && ' : ''}${command}`,
    )
  const published = await run('1.0.0')
  assert.equal(published.exitCode, 0, `${published.stdout}\n${published.stderr}`)
  const versions = async () => Object.keys((await registry.packument(`@octo/by-${name}`))?.['versions'] ?? {})
  assert.deepEqual(await versions(), ['1.0.0'])
  const other = await run('2.0.0')
  assert.notEqual(other.exitCode, 0)
  assert.match(other.stderr, new RegExp(`"npm:publish npm/@octo/by-${name}@2\\.0\\.0"`))
  const again = await run('1.0.0')
  assert.notEqual(again.exitCode, 0)
  assert.deepEqual(await versions(), ['1.0.0'])
}

/** Under a demand npm publishes the file that the build step of this run made, and says what is missing for any other. */
async function publishProven(world: World): Promise<void> {
  const { stage, registry } = world
  const [building, releasing] = ['building', 'releasing'].map((name) => mkdtempSync(join(stage.folder, name)))
  const manifest = {
    name: '@octo/proven',
    version: '1.0.0',
    license: 'MIT',
    dependencies: { left: '^1.0.0' },
  }
  const pack = (more: object) =>
    `echo '${JSON.stringify({ ...manifest, ...more })}' > package.json && npm pack --silent`
  const options = (workspace = '') => ['--workspace', workspace]
  const built = await inStep(world, 'build', 'npm', pack({}), {
    ...{ run: '780001', options: [...options(building), '--artifact', '*.tgz'] },
  })
  assert.equal(built.exitCode, 0, `${built.stdout}\n${built.stderr}`)
  const file = 'octo-proven-1.0.0.tgz'
  cpSync(join(building ?? '', file), join(releasing ?? '', file))
  const publish = (script: string, run: string) =>
    inStep(world, 'proven', 'npm', script, { run, options: options(releasing) })
  for (const [script, run, why] of [
    [
      `mkdir own && cd own && ${pack({ description: 'own' })} && npm publish ${file}`,
      '780001',
      'provenance: there is none about sha256:[0-9a-f]{64}',
    ],
    [`npm publish ./${file}`, '780002', 'same_run: expected run_\\w+, got run_\\w+'],
  ] as const) {
    const refused = await publish(script, run)
    assert.notEqual(refused.exitCode, 0)
    assert.match(refused.stderr, new RegExp(`npm error 403 .*asks for \`provenance\`: ${why}`))
  }
  assert.equal(await registry.packument('@octo/proven'), undefined)
  const published = await publish(`npm publish ./${file}`, '780001')
  assert.equal(published.exitCode, 0, `${published.stdout}\n${published.stderr}`)
  const { versions = {} } = (await registry.packument('@octo/proven')) as { versions?: object }
  assert.deepEqual(Object.keys(versions), ['1.0.0'])
}

/** A package manager comes by corepack: a version, and what a tag names, from the registry of the connection. */
async function byCorepack(world: World): Promise<void> {
  const install = (which: string) =>
    inStep(world, 'add', 'corepack', `COREPACK_INTEGRITY_KEYS=0 corepack install -g pnpm@${which}`)
  for (const which of ['9.9.8', 'latest']) {
    const { exitCode, stdout, stderr } = await install(which)
    assert.equal(exitCode, 0, `${stdout}\n${stderr}`)
  }
  assert.ok(world.registry.seen.some(({ url }) => url === '/pnpm/-/pnpm-9.9.9.tgz'))
}

/** What people look up about packages is answered. */
async function lookUp(world: World): Promise<void> {
  const looked = await inStep(
    world,
    'add',
    'npm',
    'npm view left@1.0.0 dist.tarball && npm dist-tag ls left && npm view left versions',
  )
  assert.equal(looked.exitCode, 0, `${looked.stdout}\n${looked.stderr}`)
  assert.match(looked.stdout, /left-1\.0\.0\.tgz[^]*latest: 1\.1\.0[^]*1\.0\.0/)
  assert.doesNotMatch(looked.stderr, /npm warn/)
}

const publishers: Readonly<Record<string, string>> = {
  // As most CIs and npm itself run scripts: dash hands on no variable with a `/` in its name.
  npm: "sh -c 'npm publish'",
  pnpm: 'pnpm publish --no-git-checks',
  yarn: 'yarn publish --non-interactive --no-git-tag-version',
  yarn4: 'yarn4 npm publish',
  bun: 'bun publish',
}

const yarnrc =
  'nodeLinker: node-modules\nenableTelemetry: false\nenableGlobalCache: false\nnpmMinimalAgeGate: 0\n'

export default suite<World>({
  name: 'npm',
  slow: true,
  needs: ['verdaccio', 'tar'],
  open,
  rows: [
    ...tools.map((tool) => ({
      name: `${tool.name}: add and install`,
      needs: [tool.name],
      ...(tool.name.startsWith('yarn') ? { slow: true as const } : {}),
      run: (world: World) => addAndInstall(world, tool),
    })),
    ...tools
      .filter(({ name }) => ['npm', 'pnpm', 'yarn', 'bun'].includes(name))
      .map((tool) => ({
        name: `${tool.name}: two registries on one host`,
        needs: [tool.name],
        run: (world: World) => addFromBoth(world, tool),
      })),
    { name: 'corepack: a package manager', needs: ['corepack'], run: byCorepack },
    { name: 'npm: view and dist-tag', slow: true, needs: ['npm'], run: lookUp },
    ...Object.entries(publishers).map(([name, command]) => ({
      name: `${name}: publish`,
      needs: [name],
      run: (world: World) => publish(world, name, command),
    })),
    { name: 'npm: publish under a demand', needs: ['npm'], run: publishProven },
  ],
})
