import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { setStage, type Ran, type Stage } from '../../demo/stage.ts'
import { builtInRules, fillTemplate, seededRandom } from '../../src/scan/rules/index.ts'

/** Artifacts in which something looks like a secret, through whole steps of `mayfly run` and into the steps that take them. */
let stage: Stage
before(async () => {
  const role = (action: string) =>
    `  ${action}er:\n    trust: { issuer: ci, repository_id: "1296269" }\n    scan: { artifacts: ${action} }\n    grants: [ "git:read git/octo-org/links" ]\n`
  stage = await setStage({ policy: (text) => `${text}${['block', 'warn', 'record'].map(role).join('')}` })
})
after(() => stage?.[Symbol.asyncDispose]())
beforeEach(() => {
  for (const name of readdirSync(stage.workspace)) rmSync(join(stage.workspace, name), { recursive: true })
})

const template =
  builtInRules.find(({ id }) => id === 'github-personal-access-token')?.examples.positive[0] ?? ''
const token = /ghp_\w{36}/.exec(fillTemplate(template, seededRandom(11)))?.[0] ?? ''

let runs = 0
/** A step that makes `dist/app.env`, and one that takes it. */
async function handOn(role: string): Promise<Ran> {
  const file = join(stage.folder, 'pipeline.yaml')
  const write = `mkdir -p dist; printf '%s%s\\n' ${token.slice(0, 9)} ${token.slice(9)} > dist/app.env`
  writeFileSync(
    file,
    JSON.stringify({
      steps: [
        { name: 'make', role, artifacts: ['dist/*'], run: write },
        { name: 'take', role, needs: ['make'], run: 'wc -c < dist/app.env; echo taken' },
      ],
    }),
  )
  return stage.runJob(['run', '-f', file], stage.jobEnvironment({ run_id: `70000${runs++}` }))
}

interface Exported {
  readonly type: string
  readonly data: { readonly subject: { readonly content: Record<string, unknown> } }
}

/** It is written when its step ends, and comes to the log a moment later. */
async function findingOf(role: string): Promise<Record<string, unknown> | undefined> {
  for (let tries = 0; tries < 40; tries++) {
    const ran = await stage.operate([
      ...['audit', 'export', '--format', 'cloudevents', '--data', stage.dataFolder],
    ])
    assert.ok(!ran.stdout.includes(token))
    const found = ran.stdout
      .split('\n')
      .filter((line) => line.includes('scan.found'))
      .map((line) => (JSON.parse(line) as Exported).data.subject.content)
      .find((content) => content['role'] === role)
    if (found !== undefined) return found
    await new Promise((next) => setTimeout(next, 200))
  }
  return undefined
}

const rule = 'github-personal-access-token'

test('block: the step fails, none of its files goes to the next step, which does not run', async () => {
  const ran = await handOn('blocker')
  assert.notEqual(ran.exitCode, 0)
  assert.match(ran.stderr, new RegExp(`none is handed on: a secret may be in dist/app\\.env:1: ${rule}`))
  assert.doesNotMatch(ran.stdout, /taken/)
  assert.ok(!`${ran.stdout}${ran.stderr}`.includes(token))
  assert.partialDeepStrictEqual(await findingOf('blocker'), {
    ...{ place: 'artifacts', outcome: 'refused', reported: true, what: 'make' },
    findings: [{ rule, path: 'dist/app.env', line: 1 }],
  })
})

test('warn: it is told, and handed on; record: the log alone has it', async () => {
  const warned = await handOn('warner')
  assert.equal(warned.exitCode, 0, warned.stderr)
  assert.match(warned.stderr, new RegExp(`a secret may be in dist/app\\.env:1: ${rule}`))
  assert.match(warned.stdout, /41\ntaken/)
  assert.partialDeepStrictEqual(await findingOf('warner'), { place: 'artifacts', outcome: 'passed' })
  const recorded = await handOn('recorder')
  assert.equal(recorded.exitCode, 0, recorded.stderr)
  assert.doesNotMatch(recorded.stderr, /a secret may be in/)
  assert.match(recorded.stdout, /41\ntaken/)
  assert.partialDeepStrictEqual(await findingOf('recorder'), { outcome: 'passed' })
})

test('a summary and outputs of a step are looked at before the CI has them, and masked there', async () => {
  const value = `tok_${randomBytes(27).toString('base64url')}`
  assert.equal((await stage.operate(['secret', 'set', 'summed'], value)).exitCode, 0)
  await new Promise((done) => setTimeout(done, 3_000))
  const files = Object.fromEntries(
    ['GITHUB_STEP_SUMMARY', 'GITHUB_OUTPUT', 'GITHUB_ENV'].map((name) => [name, join(stage.folder, name)]),
  )
  for (const path of Object.values(files)) writeFileSync(path, '')
  const cut = (text: string) => `${text.slice(0, 9)}""${text.slice(9)}`
  const ran = await stage.runJob(
    [
      ...['run', '--role', 'warner', '--', 'bash', '-c'],
      `echo "## Key: ${cut(value)}" > $GITHUB_STEP_SUMMARY; echo "key=${cut(token)}" > $GITHUB_OUTPUT; echo A=plain > $GITHUB_ENV`,
    ],
    { ...stage.jobEnvironment({ run_id: `70000${runs++}` }), GITHUB_ACTIONS: 'true', ...files },
  )
  assert.equal(ran.exitCode, 0, ran.stderr)
  const read = (name: string) => readFileSync(files[name] ?? '', 'utf8')
  assert.equal(read('GITHUB_STEP_SUMMARY'), '## Key: ***\n')
  assert.match(read('GITHUB_OUTPUT'), /^key<<(\S+)\n\*\*\*\n\1\n$|^key=\*\*\*\n$/)
  assert.match(read('GITHUB_ENV'), /plain/)
  assert.match(ran.stderr, /\$GITHUB_STEP_SUMMARY: a secret was found in it: it is masked for the CI/)
  assert.match((await stage.operate(['secret', 'status', 'summed'])).stdout, /COMPROMISED/)
})
