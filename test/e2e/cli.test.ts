import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { baseEnvironment, projectFolder, runMayfly, setStage, startUp, type Stage } from '../../demo/stage.ts'
import { slow } from '../whole.ts'

// What a person types, mistakes included, and what they read then.
let stage: Stage
let home: string
before(async () => {
  home = mkdtempSync(join(tmpdir(), 'mayfly-cli-'))
  stage = await setStage()
})
after(async () => {
  await stage[Symbol.asyncDispose]()
  rmSync(home, { recursive: true, force: true })
})

const bare = () => ({ ...baseEnvironment(), XDG_CONFIG_HOME: home })
const inData = () => ['--data', stage.dataFolder]
const whoIs = async (token: string) =>
  await runMayfly(['whoami', '--json'], { ...bare(), MAYFLY_SERVER: stage.server, MAYFLY_TOKEN: token })

test('a secret that was given as an argument is not repeated, however it was given', async () => {
  for (const args of [
    ['secret', 'set', 'npm', 'hunter2hunter2'],
    ['secret', 'set', 'npm', '--value=hunter2hunter2'],
    ['secret', 'set', 'npm', '-hunter2hunter2'],
    ['secret', 'set', 'npm', '--hunter2hunter2'],
    ['secret', 'list', 'npm', 'hunter2hunter2'],
    ['secret', 'list', '--token=hunter2hunter2'],
    ['status', 'hunter2hunter2'],
    ['token', 'revoke', 'mayfly_hunter2hunter2'],
    ['status', '--server', 'https://anna:hunter2hunter2@mayfly.example.com'],
    ['run', '--role', 'r', '--server', 'https://anna:hunter2hunter2@mayfly.example.com', '--', 'true'],
    ['explain', '--file', stage.policyFile, '--id-token', 'eyJhunter2hunter2.eyJ.x'],
  ]) {
    const { exitCode, stdout, stderr } = await stage.operate(args)
    assert.equal(exitCode, 2, `${args.join(' ')}: ${stderr}`)
    assert.doesNotMatch(stdout + stderr, /hunter2/, args.join(' '))
  }
  const { stderr } = await stage.operate(['secret', 'set', 'npm', 'hunter2hunter2'])
  assert.match(stderr, /never an argument.*mayfly secret set NAME < FILE, or --file FILE/)
})

test('a secret comes from a file; it is described, deleted, restored, moved and destroyed, after a yes', async () => {
  const file = join(home, 'value')
  writeFileSync(file, 'bot:secret\n')
  const set = await stage.operate([
    'secret',
    'set',
    'spare',
    '--file',
    file,
    '--owner',
    'ann',
    '--tag',
    'team=x',
  ])
  assert.match(set.stdout, /spare is sealed, version 1/)
  const unasked = await stage.operate(['secret', 'delete', 'spare'])
  assert.equal(unasked.exitCode, 2)
  assert.match(unasked.stderr, /deletes secret "spare": nobody can use it until it is restored: say --yes/)
  for (const verb of ['delete', 'destroy']) {
    const used = await stage.operate(['secret', verb, 'git', '--yes'])
    assert.equal(used.exitCode, 1)
    assert.match(used.stderr, /connections\.git of the policy in force needs secret "git"/)
  }
  const says = async (args: string[], expected: RegExp) => {
    const { exitCode, stdout, stderr } = await stage.operate(['secret', ...args])
    assert.equal(exitCode, 0, stderr)
    assert.match(stdout, expected)
  }
  await says(['delete', 'spare', '--yes'], /spare is deleted.*mayfly secret restore spare/)
  await says(['list', '--deleted'], /spare/)
  await says(['restore', 'spare'], /spare is back, version 1/)
  await says(['mv', 'spare', 'prod/spare'], /spare is prod\/spare now/)
  await says(['restore', 'prod/spare', '--version', '1'], /version 2 now, with the value of version 1/)
  await says(
    ['describe', 'prod/spare', '--description', 'for tests'],
    /owner +ann\ndescription +for tests\ntags +team=x/,
  )
  await says(['history', 'prod/spare'], /^VERSION.*\n2 .* current +operator\n1 .* older/)
  await says(['list', 'prod/', '--uses'], /^NAME.*\nprod\/spare +2 .*nobody\n$/)
  await says(['list', '--uses'], /git .*connections\.git \(roles .*\)/)
  await says(['destroy', 'prod/spare', '--yes'], /destroyed of prod\/spare: version 1, 2/)
  const again = await stage.operate(['secret', 'delete', 'spar', '--yes'])
  assert.deepEqual([again.exitCode, again.stderr], [1, 'mayfly: there is no secret spar\n'])
})

test('a value is shown with --reveal, and into a pipe by force', async () => {
  await stage.operate(['secret', 'set', 'seen'], 'hunter2')
  const get = async (...more: string[]) => await stage.operate(['secret', 'get', 'seen', ...more])
  for (const refused of [await get(), await get('--reveal')]) {
    assert.equal(refused.exitCode, 2)
    assert.doesNotMatch(refused.stdout + refused.stderr, /hunter2/)
  }
  assert.deepEqual((await get('--reveal', '--force')).stdout, 'hunter2\n')
})

test('a value that is not meant so is refused: bytes that are no text, several lines', async () => {
  const file = join(home, 'bytes')
  for (const [bytes, says] of [
    [Buffer.from([0x68, 0xff, 0x69]), /the value of odd is not UTF-8 text: .*base64/],
    [Buffer.from('one\ntwo\n'), /several lines: --multiline/],
  ] as const) {
    writeFileSync(file, bytes)
    const refused = await stage.operate(['secret', 'set', 'odd', '--file', file])
    assert.equal(refused.exitCode, 2)
    assert.match(refused.stderr, says)
  }
  const taken = await stage.operate(['secret', 'set', 'odd', '--file', file, '--multiline'])
  assert.match(taken.stdout, /version 1 \(several lines\)/)
})

test('import: a .env file and JSON, all of it or nothing, after a yes where a value is replaced; no value is printed', async () => {
  const env = join(home, 'prod.env')
  writeFileSync(env, "export DB_ADMIN=hunter2 # rotate\nTLS_KEY='line one\nline two'\n")
  const run = async (...args: string[]) => {
    const result = await stage.operate(['secret', 'import', ...args])
    assert.doesNotMatch(result.stdout + result.stderr, /hunter|line one/)
    return result
  }
  const dry = await run(env, '--prefix', 'env/', '--dry-run')
  assert.match(dry.stdout, /env\/db_admin +1 +new\nenv\/tls_key +1 +new\nnothing was done/)
  assert.doesNotMatch((await stage.operate(['secret', 'list'])).stdout, /env\//)
  assert.match((await run(env, '--prefix', 'env/')).stdout, /2 sealed/)
  const json = join(home, 'prod.json')
  writeFileSync(json, '{"env": {"db_admin": "hunter3", "new": "hunter4"}}')
  const unasked = await run(json)
  assert.equal(unasked.exitCode, 2)
  assert.match(unasked.stderr, /this gives env\/db_admin a new value: say --yes/)
  assert.match((await run(json, '--yes')).stdout, /env\/db_admin +2 +in place of version 1\nenv\/new +1 +new/)
  writeFileSync(env, 'GOOD=hunter2\nhunter2\n')
  const refused = await run(env)
  assert.deepEqual([refused.exitCode, refused.stderr], [2, `mayfly: ${env}:2: this is not NAME=value\n`])
})

test('signing keys: shown, and rotated without ending anything; only for who may', async () => {
  const keys = await stage.operate(['oidc', 'keys'])
  assert.match(keys.stdout, /^KEY +USE +ALG +STATE[^\n]*\n\S+ +access +ES256 +signs /)
  const rotated = await stage.operate(['oidc', 'rotate', '--use', 'access'])
  assert.match(rotated.stdout, /^access ES256: \S+ is published and signs from .* stays published until /)
  const both = JSON.parse((await stage.operate(['oidc', 'keys', '--json'])).stdout) as {
    keys: { state: string }[]
  }
  assert.deepEqual(
    both.keys.map(({ state }) => state),
    ['signs', 'next'],
  )
  const { token } = JSON.parse(
    (await stage.operate(['token', 'create', 'reader', '--scope', 'secret:read', '--json'])).stdout,
  ) as { token: string }
  const refused = await runMayfly(['oidc', 'rotate', '--now'], {
    ...bare(),
    MAYFLY_SERVER: stage.server,
    MAYFLY_TOKEN: token,
  })
  assert.match(refused.stderr, /lacks the scope vault:admin/)
})

test('at a terminal one is asked, and only y goes on', async (t) => {
  if (spawnSync('script', ['--version']).status !== 0) return t.skip('no script(1) to make a terminal with')
  const ask = async (name: string, answer: string) => {
    await stage.operate(['secret', 'set', name], 'x')
    const command = `${join(projectFolder, 'bin/mayfly')} secret delete ${name}`
    const env = { ...bare(), MAYFLY_SERVER: stage.server, MAYFLY_TOKEN: stage.operatorToken }
    const child = spawn('script', ['-qec', command, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'pipe'] })
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (said.includes('[y/N] ') && child.stdin.writable) child.stdin.end(answer)
    })
    const exitCode = await new Promise((done) => child.once('close', done))
    return { exitCode, said }
  }
  const no = await ask('kept', 'no\n')
  assert.equal(no.exitCode, 1)
  assert.match(no.said, /nothing was done/)
  assert.match((await stage.operate(['secret', 'list'])).stdout, /kept/)
  const yes = await ask('kept', 'y\n')
  assert.equal(yes.exitCode, 0, yes.said)
  assert.doesNotMatch((await stage.operate(['secret', 'list'])).stdout, /kept/)
})

test('whoami: an operator, a job with its roles, and nobody', async () => {
  const me = await stage.operate(['whoami'])
  assert.match(me.stdout, /API token +operator \(tok_.*\nscopes .*policy:write.*\nexpires +never\n/s)
  const job = await stage.runJob(['whoami', '--json'], { ...stage.jobEnvironment(), XDG_CONFIG_HOME: home })
  assert.equal(job.exitCode, 0, job.stderr)
  const { issuer, attributes, roles } = JSON.parse(job.stdout) as {
    issuer: string
    attributes: Record<string, string>
    roles: unknown[]
  }
  assert.equal(issuer, 'ci')
  assert.equal(attributes['repository'], 'octo-org/links')
  assert.deepEqual(roles, [
    { name: 'build', approval: false },
    { name: 'release', approval: false },
  ])
  const nobody = await runMayfly(['whoami'], { ...bare(), MAYFLY_SERVER: stage.server })
  assert.equal(nobody.exitCode, 1)
  assert.match(nobody.stderr, /^mayfly: nobody: there is no API token .*no identity token of a CI job\n$/)
})

test('explain takes an identity token beside the API token, from a file or standard input', async () => {
  const token = await stage.issuer.sign(stage.server)
  const file = join(home, 'id-token')
  writeFileSync(file, token)
  for (const [args, input] of [
    [['--id-token', file], ''],
    [['--token', file], ''],
    [['--id-token', '-'], token],
  ] as const) {
    const told = await stage.operate(['explain', ...args, '--role', 'build'], input)
    assert.equal(told.exitCode, 0, told.stderr)
  }
})

test('explain and suggest look again for what is not published yet, and say which was meant', async () => {
  const file = join(home, 'none.yaml')
  const ran = await stage.runJob(
    ['run', '--json', '--role', 'build', '--', 'git', 'ls-remote', 'https://git.example.com/octo-org/links'],
    stage.jobEnvironment({ run_id: '9000000321' }),
  )
  const { runId } = JSON.parse(ran.stdout) as { runId: string }
  const suggested = await stage.operate([
    'policy',
    'suggest',
    '--from-run',
    runId,
    '--file',
    file,
    ...inData(),
  ])
  assert.match(suggested.stdout, /git:read git\/octo-org\/links/)
  const typo = `${runId.slice(0, -1)}_`
  const none = await stage.operate(['policy', 'suggest', '--from-run', typo, '--file', file, ...inData()])
  assert.deepEqual([none.exitCode, none.stderr.includes(`did you mean ${runId}?`)], [1, true], none.stderr)
  const request = await stage.operate(['explain', 'req_nothing', ...inData()])
  assert.equal(request.exitCode, 1)
  assert.match(request.stderr, /there is no refusal in the log .* req_nothing/)
})

test('login where nobody can sign in says so at once', async () => {
  const ran = await runMayfly(['login', '--no-browser'], { ...bare(), MAYFLY_SERVER: stage.server })
  assert.equal(ran.exitCode, 1)
  assert.match(ran.stderr, /^mayfly: nobody can sign in at .* no sign_in .*MAYFLY_TOKEN\n$/)
})

test('an empty MAYFLY_SERVER is none; one that is no URL is an error', async () => {
  const job = { ...stage.jobEnvironment(), MAYFLY_SERVER: '' }
  const none = await stage.runJob(['run', '--role', 'build', '--', 'true'], job)
  assert.equal(none.exitCode, 2)
  assert.match(none.stderr, /say where the Mayfly server is/)
  const odd = await stage.runJob(['status'], { ...job, MAYFLY_SERVER: 'mayfly.example.com' })
  assert.equal(odd.exitCode, 2)
  assert.match(odd.stderr, /MAYFLY_SERVER is no URL of a server: write https:/)
})

test('audit show right after a run waits for its end; of a run that is none it says which was meant', async () => {
  const ran = await stage.runJob(
    ['run', '--json', '--role', 'build', '--', 'true'],
    stage.jobEnvironment({ run_id: '9000000123' }),
  )
  const { runId } = JSON.parse(ran.stdout) as { runId: string }
  const told = await stage.operate(['audit', 'show', '--run', runId, ...inData()])
  assert.equal(told.exitCode, 0, told.stderr)
  assert.match(told.stdout, /all of its sessions and steps were over/)
  const typo = `${runId.slice(0, -1)}_`
  const none = await stage.operate(['audit', 'show', '--run', typo, ...inData()])
  assert.equal(none.exitCode, 1)
  assert.match(none.stdout, new RegExp(`no entry of run ${typo} .*did you mean ${runId}\\?`))
  assert.match(none.stderr, /not published yet: waiting/)
  const revoked = await stage.operate(['revoke', '--run', typo])
  assert.deepEqual(
    [revoked.exitCode, revoked.stderr],
    [1, `mayfly: there is no run ${typo}: did you mean ${runId}?\n`],
  )
  assert.match((await stage.operate(['revoke', '--run', runId])).stdout, /nothing was open: 0 sessions ended/)
})

test('audit erase says whom and asks', async () => {
  const asked = await stage.operate(['audit', 'erase', '--subject', 'ci:octocat'])
  assert.equal(asked.exitCode, 2)
  assert.match(asked.stderr, /names of per_\w+ \(ci:583231\) unreadable .* for good.*--yes/)
  const nobody = await stage.operate(['audit', 'erase', '--subject', 'ci:nobody', '--yes'])
  assert.deepEqual([nobody.exitCode, nobody.stdout], [1, 'nobody in the log is known as ci:nobody\n'])
  assert.match(
    (await stage.operate(['audit', 'erase', '--subject', 'ci:octocat', '--yes'])).stdout,
    /^erased: per_/,
  )
})

test('apply warns of secrets that are not in the vault', async () => {
  const file = join(home, 'mayfly.yaml')
  const { stdout } = await stage.operate(['policy', 'show'])
  writeFileSync(file, stdout.replace('secret:git', 'secret:gitt'))
  const dry = await stage.operate(['apply', '--dry-run', file])
  assert.equal(dry.exitCode, 0, dry.stderr)
  assert.match(
    dry.stdout,
    /^warning: secret "gitt" of connections\.git is not in the vault: mayfly secret set gitt$/m,
  )
})

test('apply sends along the certificate file that a connection names', async () => {
  const { stdout } = await stage.operate(['policy', 'show'])
  const [, ca = ''] = /, ca: ("(?:[^"\\]|\\.)*")/.exec(stdout) ?? []
  const file = join(home, 'with-path.yaml')
  writeFileSync(join(home, 'git.pem'), JSON.parse(ca) as string)
  writeFileSync(file, stdout.replace(ca, 'git.pem'))
  const dry = await stage.operate(['apply', '--dry-run', file])
  assert.deepEqual([dry.exitCode, dry.stderr], [0, ''])
  assert.match(dry.stdout, /valid; not applied/)
  assert.equal((await stage.operate(['apply', file])).exitCode, 0)
  const shown = await stage.operate(['policy', 'show'])
  assert.match(shown.stdout, /, ca: git\.pem[^]*\n\n# --- ca:git\.pem ---\n-----BEGIN CERTIFICATE-----\n/)
})

test(
  'a lost operator token: a new one from the machine itself, while the server runs and while not; recorded',
  slow,
  async () => {
    const data = join(home, 'server')
    const recover = async (...more: string[]) =>
      await runMayfly(['token', 'recover', '--data', data, '--json', ...more], bare())
    const early = await recover()
    assert.equal(early.exitCode, 1)
    assert.match(early.stderr, /no server has kept data in/)
    const first = await startUp(data)
    const running = await recover()
    assert.equal(running.exitCode, 0, running.stderr)
    const ask = async (server: string, ran: { stdout: string }) => {
      const { token } = JSON.parse(ran.stdout) as { token: string }
      return await runMayfly(['token', 'list'], { ...bare(), MAYFLY_SERVER: server, MAYFLY_TOKEN: token })
    }
    assert.equal((await ask(first.url, running)).exitCode, 0)
    await first.stop()
    const stopped = await recover('--name', 'second')
    assert.equal(stopped.exitCode, 0, stopped.stderr)
    const second = await startUp(data)
    assert.equal((await ask(second.url, stopped)).exitCode, 0)
    await second.stop()
    const { stdout } = await runMayfly(['audit', 'show', '--data', data], bare())
    assert.deepEqual(
      [...stdout.matchAll(/made the operator token "(\w+)" on the server’s machine/g)].map(
        ([, name]) => name,
      ),
      ['operator', 'second'],
    )
    const verified = await runMayfly(['audit', 'verify', '--data', data], bare())
    assert.equal(verified.exitCode, 0, verified.stdout)
  },
)

test('somebody else’s data folder gives no token', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('needs root to be somebody else')
  const args = ['token', 'recover', ...inData()]
  const ran = spawnSync(
    'setpriv',
    ['--reuid=65534', '--regid=65534', '--clear-groups', '--', join(projectFolder, 'bin/mayfly'), ...args],
    { env: bare(), encoding: 'utf8' },
  )
  assert.notEqual(ran.status, 0)
  assert.equal(ran.stdout, '')
  assert.equal((await whoIs('mayfly_x')).exitCode, 1)
})
