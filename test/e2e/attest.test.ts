import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setStage, type Ran, type Stage } from '../../demo/stage.ts'
import { oracleTakes } from '../../src/attest/verify/oracle.fixture.ts'
import {
  checkReceipt,
  openTrustDocument,
  parseTrustedRoot,
  readProvenance,
  verifyBundle,
} from '../../src/attest/verify/index.ts'

let stage: Stage
before(async () => {
  stage = await setStage({ upArguments: ['--heartbeat-seconds', '1'] })
})
after(async () => await stage[Symbol.asyncDispose]())

const run = (script: string, more: readonly string[] = []): Promise<Ran> =>
  stage.runJob(
    ['run', '--role', 'build', ...more, '--', 'bash', '-c', script],
    stage.jobEnvironment({ event_name: 'push' }),
  )

const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex')

async function ask<T>(path: string, token = stage.operatorToken): Promise<T> {
  const headers = token === '' ? {} : { authorization: `Bearer ${token}` }
  const response = await fetch(`${stage.server}${path}`, { headers })
  assert.equal(response.status, 200, `${path}: ${await response.clone().text()}`)
  return (await response.json()) as T
}

/** What others take Mayfly's attestations by, as anybody gets it. */
async function trust() {
  const envelope = await ask<{ payload: string }>('/.well-known/mayfly/trust.json', '')
  const { root } = JSON.parse(Buffer.from(envelope.payload, 'base64').toString()) as { root: string[] }
  const opened = openTrustDocument(envelope, root, { nowMs: Date.now() })
  assert.ok(opened.ok, opened.ok ? '' : opened.detail)
  const trustedRoot = await ask<object>('/.well-known/mayfly/trusted-root.json', '')
  return { opened: opened.trust, trustedRoot }
}

interface Listed {
  readonly attestations: readonly { readonly bundle: object; readonly kind: string; readonly step: string }[]
}

const ofDigest = (digest: string) => ask<Listed>(`/attestations/sha256:${digest}`)

test('a step with an artifact: its bundle is written beside it, and both verifiers take it', async () => {
  const ran = await run('mkdir -p dist && printf app > dist/app.txt', [
    ...['--artifact', 'dist/*.txt', '--attestations', 'out'],
  ])
  assert.equal(ran.exitCode, 0, ran.stderr)
  const file = join(stage.workspace, 'out', 'app.txt.sigstore.json')
  assert.ok(existsSync(file), `${ran.stderr} ${readdirSync(stage.workspace).join()}`)
  const text = readFileSync(file, 'utf8')
  const { opened, trustedRoot } = await trust()
  const verified = verifyBundle(text, opened)
  assert.ok(verified.ok, verified.ok ? '' : verified.detail)
  assert.equal(verified.statement?.subject[0]?.digest['sha256'], sha256('app'))
  assert.equal(verified.signer.kind, 'certificate')
  const provenance = verified.statement === undefined ? undefined : readProvenance(verified.statement)
  assert.ok(provenance !== undefined)
  assert.match(JSON.stringify(verified.statement?.predicate), /"exitCode":0/)
  assert.ok(verifyBundle(text, parseTrustedRoot(trustedRoot)).ok)
  assert.ok(oracleTakes(text, trustedRoot), 'Sigstore’s own verifier')
  const tampered = text.replace(/"payload":"..../, '"payload":"eyJf')
  assert.ok(!oracleTakes(tampered.replace('eyJf', 'eyJg'), trustedRoot))

  const sums = readFileSync(join(stage.workspace, 'out', 'SHA256SUMS'))
  assert.equal(sums.toString(), `${sha256('app')}  dist/app.txt\n`)
  const bundle = readFileSync(join(stage.workspace, 'out', 'SHA256SUMS.sigstore.json'), 'utf8')
  assert.ok(oracleTakes(bundle, trustedRoot, { message: sums }))

  const found = await ofDigest(sha256('app'))
  const stored = found.attestations.find(({ kind }) => kind === 'provenance')
  assert.deepEqual(stored?.bundle, JSON.parse(text))
  // What is durable is published within a second.
  const exported = async () => {
    const what = ['audit', 'export', '--format', 'cloudevents', '--data', stage.dataFolder]
    return (await stage.operate(what)).stdout
  }
  let log = await exported()
  for (let i = 0; i < 20 && !log.includes('attestation.signed'); i++) {
    await new Promise((next) => setTimeout(next, 250))
    log = await exported()
  }
  assert.match(log, /attestation\.signed/)
})

test('its receipt is made by itself, and that of a step without artifacts when it is asked for', async () => {
  const { opened } = await trust()
  const ran = await run('true')
  assert.equal(ran.exitCode, 0, ran.stderr)
  const { attestations } = await ask<{ attestations: { step: string; state: string; kind: string }[] }>(
    '/v1/attestations/states?state=kept',
  )
  const step = attestations[0]?.step ?? ''
  const file = join(stage.folder, 'receipt.json')
  const got = await stage.operate(['attest', 'receipt', step, '-o', file])
  assert.equal(got.exitCode, 0, got.stderr)
  const verified = verifyBundle(readFileSync(file, 'utf8'), opened)
  assert.ok(verified.ok, verified.ok ? '' : verified.detail)
  assert.equal(verified.statement?.predicateType, 'urn:mayfly:step-receipt:v1')
  assert.equal(verified.statement.subject[0]?.name, step)
  // Of a step that made something, and was attested before.
  let own: object | undefined
  await eventually('a receipt by itself', async () => {
    const { attestations: made } = await ofDigest(sha256('app'))
    own = made.find(({ kind }) => kind === 'receipt')?.bundle
    return own !== undefined
  })
  const logKey = readFileSync(join(stage.dataFolder, 'keys', 'audit.vkey'), 'utf8').trim()
  for (const bundle of [own, JSON.parse(readFileSync(file, 'utf8'))]) {
    const taken = verifyBundle(bundle, opened)
    assert.ok(taken.ok && taken.statement !== undefined)
    const checked = await checkReceipt(taken.statement, { logKey })
    assert.ok(checked.ok, JSON.stringify(checked))
  }
  const key = join(stage.dataFolder, 'keys', 'audit.vkey')
  const told = await stage.operate(['attest', 'receipt', 'check', file, '--log-key', key])
  assert.equal(told.exitCode, 0, told.stderr)
  assert.match(told.stdout, /^right: [^]*\n {2}step stp_[^]*only the server’s word:/m)
})

test('the log stands still while the step ends: it ends, and what is attested of it comes later', async () => {
  const { auditPid } = JSON.parse(readFileSync(join(stage.dataFolder, 'up.json'), 'utf8')) as {
    auditPid: number
  }
  const running = run(
    'mkdir -p late && printf late > late/a.txt; touch written; until [ -e go ]; do sleep 0.05; done',
    [...['--artifact', 'late/*.txt']],
  )
  await eventually('written', async () => existsSync(join(stage.workspace, 'written')))
  process.kill(auditPid, 'SIGSTOP')
  try {
    await stage.operate(['--version'])
    // The step is told by a file that it may end.
    const { writeFileSync } = await import('node:fs')
    writeFileSync(join(stage.workspace, 'go'), '')
    const ran = await running
    assert.equal(ran.exitCode, 0, ran.stderr)
    assert.equal((await ofDigest(sha256('late'))).attestations.length, 0)
  } finally {
    process.kill(auditPid, 'SIGCONT')
  }
  await eventually('signed later', async () => (await ofDigest(sha256('late'))).attestations.length > 0)
})

async function eventually(what: string, look: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (await look()) return
    await new Promise((next) => setTimeout(next, 100))
  }
  assert.fail(`never: ${what}`)
}
