import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { aStep } from '../../attest/statements/facts.fixture.ts'
import { createWorld } from '../../attest/verify/world.fixture.ts'
import { sha256Hex } from '../../lib/index.ts'
import { hex, signed, statementOf, type Step } from './attest.fixture.ts'
import { rebuildAttested } from './rebuild.ts'

const argv = (...command: string[]) => ({
  ...{ of: 'argv' as const, text: command.join(' ') },
  sha256: sha256Hex(command.map((one) => `${one}\0`).join('')),
})

/** A checkout, a build that is said to come from its commit, and a STUB of `mayfly run`, which makes `again`. */
async function openWorld(t: TestContext, step: Partial<Step>, again: Partial<Step> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const checkout = join(folder, 'checkout')
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', checkout, '-c', 'user.name=a', '-c', 'user.email=a@example.com', ...args], {
      encoding: 'utf8',
    }).trim()
  mkdirSync(checkout)
  git('init', '-q')
  writeFileSync(
    join(checkout, 'pipeline.yaml'),
    'steps:\n  - { name: pack, role: release, run: make pack, env: { A: b c } }\n',
  )
  git('add', '-A')
  git('commit', '-qm', 'one')
  const identity = {
    ...aStep.identity,
    attributes: { ...aStep.identity.attributes, commit: git('rev-parse', 'HEAD') },
  }
  const world = await createWorld()
  const stepOf = (more: Partial<Step>): Step => ({
    makes: { 'dist/app.tgz': hex('a') },
    ...more,
    facts: { identity, ...more.facts },
    reported: { script: argv('make', 'pack'), ...more.reported },
  })
  const { bundles } = await signed([stepOf(step)], world)
  const [bundle, root] = [join(folder, 'app.tgz.sigstore.json'), join(folder, 'root.json')]
  writeFileSync(bundle, bundles[0] ?? '')
  writeFileSync(root, JSON.stringify(world.trustedRoot))
  const ran: string[][] = []
  const rebuild = (command: string[] = [], more: object = {}) =>
    rebuildAttested(
      bundle,
      command,
      { trustedRoot: root, workspace: checkout, json: true, markdown: false, ...more },
      async (args) => {
        ran.push([...args])
        const place = args[args.indexOf('--attestations') + 1] ?? ''
        const made: Step = stepOf({ ...step, id: 'stp_again', ...again })
        if (Object.keys(made.makes).length === 0) return 0
        t.after(() => rmSync(place, { recursive: true, force: true }))
        const statement = statementOf(made)
        writeFileSync(join(place, 'app.tgz.sigstore.json'), JSON.stringify(await world.bundle({ statement })))
        return 0
      },
    )
  return { checkout, git, ran, rebuild, root }
}

test('the same command in the same role, from the same commit: what comes of it is compared', async (t) => {
  const same = await openWorld(t, {})
  assert.equal(await same.rebuild(), 0)
  const [args = []] = same.ran
  assert.deepEqual(args.slice(0, 7), [
    'run',
    '--role',
    'release',
    '--name',
    'publish',
    '--workspace',
    same.checkout,
  ])
  assert.deepEqual(args.slice(args.indexOf('--artifact'), args.indexOf('--artifact') + 2), [
    '--artifact',
    'dist/app.tgz',
  ])
  assert.deepEqual(args.slice(args.indexOf('--')), ['--', 'make', 'pack'])
  // The run has said that it is there.
  assert.ok(existsSync(join(args[args.indexOf('--attestations') + 1] ?? '', 'app.tgz.sigstore.json')))
  const other = await openWorld(t, {}, { makes: { 'dist/app.tgz': hex('b') } })
  assert.equal(await other.rebuild(), 1)
})

test('of a pipeline’s step the script of the checkout is run, if it is the one that ran; its variables stay in the sandbox', async (t) => {
  const script = { of: 'run' as const, text: 'make pack', sha256: sha256Hex('make pack') }
  const { ran, rebuild, checkout } = await openWorld(
    t,
    { reported: { script } },
    { reported: { script: argv('sh', '-c', 'make pack') } },
  )
  assert.equal(await rebuild([], { file: join(checkout, 'pipeline.yaml') }), 0)
  const command = ran[0]?.slice(ran[0].indexOf('--') + 1) ?? []
  assert.deepEqual([command.slice(0, 2), command.at(-1)], [['/usr/bin/env', 'A=b c'], 'make pack'])
  assert.ok(!ran[0]?.includes('--env'))
  const changed = { of: 'run' as const, text: 'make evil', sha256: sha256Hex('make evil') }
  const evil = await openWorld(t, { reported: { script: changed } })
  const file = join(evil.checkout, 'pipeline.yaml')
  await assert.rejects(evil.rebuild([], { file }), {
    code: 'bad_input',
    message: /no step of .* has the script that ran/,
  })
})

test('nothing runs from another commit, a changed checkout, another command, or by an unverified provenance', async (t) => {
  const { git, checkout, ran, rebuild } = await openWorld(t, {
    reported: { script: argv('sh', '-c', 'a b') },
  })
  await assert.rejects(rebuild(), { message: /cut or with blanks in its arguments: give it behind --/ })
  await assert.rejects(rebuild(['sh', '-c', 'a  b']), { message: /another command than the one that ran/ })
  writeFileSync(join(checkout, 'new'), '')
  await assert.rejects(rebuild(['sh', '-c', 'a b']), {
    message: /has files that are not of the commit \("new"\)/,
  })
  git('add', '-A')
  git('commit', '-qm', 'two')
  await assert.rejects(rebuild(['sh', '-c', 'a b']), { message: /it was built from \w{12}: git checkout/ })
  git('reset', '-q', '--hard', 'HEAD~1')
  const stranger = await createWorld()
  const other = join(checkout, '../other.json')
  writeFileSync(other, JSON.stringify(stranger.trustedRoot))
  await assert.rejects(rebuild(['sh', '-c', 'a b'], { trustedRoot: other }), {
    message: /provenance is not verified/,
  })
  assert.deepEqual(ran, [])
  assert.equal(await rebuild(['sh', '-c', 'a b']), 0)
})

test('what cannot be the same build is not begun, and what is not attested is no answer', async (t) => {
  const inputs = await openWorld(t, { takes: { in: hex('1') } })
  await assert.rejects(inputs.rebuild(), { message: /it took files of earlier steps/ })
  const odd = await openWorld(t, { makes: { 'a*': hex('a') } })
  await assert.rejects(odd.rebuild(), { message: /would be read as a pattern/ })
  assert.deepEqual([...inputs.ran, ...odd.ran], [])
  const late = await openWorld(t, {}, { makes: {} })
  await assert.rejects(late.rebuild(), { code: 'bad_input', message: /not attested yet/ })
  const [of = []] = late.ran
  assert.equal(existsSync(of[of.indexOf('--attestations') + 1] ?? ''), false)
})
