import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MayflyError } from '../lib/index.ts'
import { chooseTier } from './isolation.ts'
import { roleOf } from './role-facts.fixture.ts'
import type { Probe } from './sandbox/index.ts'
import type { StepDeps, StepRequest } from './step-request.ts'

const way = {
  bwrap: '/usr/bin/bwrap',
  disableUserns: true,
  network: 'guard',
  sizedFolders: true,
  ownHostName: true,
} as const
const why = "bwrap: Can't mount proc on /newroot/proc: Operation not permitted"
const probes: Record<string, Probe> = {
  B: { tier: 'B', ...way, ownProcesses: true },
  C: { tier: 'C', ...way, why, ownProcesses: false },
  none: { tier: 'none', why: 'bubblewrap (bwrap) is not installed' },
}

function choose(probe: string, least: string, isolation: StepRequest['isolation'] = 'namespace') {
  const session = { roles: [{ ...roleOf('build'), isolation: least }] } as unknown as StepDeps['session']
  const request = { name: 'test', role: 'build', isolation } as StepRequest
  const found = probes[probe]
  assert.ok(found !== undefined)
  return async () => (await chooseTier({ probe: found, session }, request)).tier
}

test('a step runs as well isolated as the machine can, and never less than its role asks for', async () => {
  for (const least of ['namespace', 'container', 'namespace-no-pid', 'none'])
    assert.equal(await choose('B', least)(), 'B')
  for (const least of ['namespace-no-pid', 'none']) assert.equal(await choose('C', least)(), 'C')
  for (const [probe, least] of [
    ['C', 'namespace'],
    ['C', 'container'],
    ['C', 'microvm'],
    ['B', 'microvm'],
    ['none', 'namespace'],
    ['none', 'none'],
  ] as const)
    await assert.rejects(
      choose(probe, least),
      (error) => error instanceof MayflyError && error.code === 'isolation_unavailable',
      `${probe} for ${least}`,
    )
})

test('no sandbox at all has to be asked for by name', async () => {
  assert.equal(await choose('B', 'none', 'none')(), 'E')
  await assert.rejects(
    choose('none', 'none', 'namespace'),
    /or, if role "build" allows it, ask for --isolation none/,
  )
})

test('the refusal says what this machine has, why it is not more, and what to do', async () => {
  await assert.rejects(choose('C', 'namespace'), (error) => {
    assert.match(
      (error as Error).message,
      /^step "test" can only be isolated as "namespace-no-pid" here: bwrap: Can't mount proc .+; or, if role "build" allows it, put `isolation: namespace-no-pid` there$/,
    )
    return true
  })
})

test('a container is less than namespace, and needs an image', async () => {
  await assert.rejects(
    choose('B', 'namespace', 'podman'),
    /needs isolation "namespace", and podman is "container"/,
  )
  await assert.rejects(choose('B', 'container', 'docker'), /say which image docker is to run: --image NAME/)
})
