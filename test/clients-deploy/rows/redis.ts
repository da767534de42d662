import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setStage, type Stage } from '../../../demo/stage.ts'
import { createTestAuthority } from '../../certificates.ts'
import { inStep, workspaceOf } from '../../clients/servers/python-step.ts'
import { extendPolicy, suite } from '../../clients/suite.ts'
import { freePort } from '../../e2e/postgres.ts'
import { eventually, revokeUserOf } from '../servers/mid-use.ts'

interface World extends AsyncDisposable {
  readonly stage: Stage
  /** What the server answers to whoever asks it straight, as the user of the test. */
  ask(...command: readonly string[]): string
}

const host = 'cache.example.org'

/** Debian's Redis, by TLS alone. */
async function open(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-deploy-redis-'))
  const authority = await createTestAuthority(join(folder, 'ca'))
  const { cert, key } = await authority.issue('cache', [host])
  const port = await freePort()
  const server = spawn(
    'redis-server',
    [
      ...['--port', '0', '--tls-port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder],
      ...['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', authority.file],
      ...['--tls-auth-clients', 'no', '--user', 'default', 'off'],
      ...['--user', 'kept', 'on', '>kept-4711', '~*', '&*', '+@all'],
      ...['--user', 'test', 'on', '>test', '~*', '&*', '+@all'],
    ],
    { stdio: 'ignore' },
  )
  const tls = ['-p', String(port), '--tls', '--cacert', authority.file, '--sni', host]
  const ask = (...command: readonly string[]) =>
    execFileSync('redis-cli', [...tls, '--user', 'test', '--pass', 'test', '--no-auth-warning', ...command], {
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim()
  await eventually('redis answers', () => {
    try {
      return ask('PING') === 'PONG'
    } catch {
      return false
    }
  })
  const cache = {
    ...{ kind: 'redis', url: `redis://${host}`, dial: `127.0.0.1:${port}` },
    ca: readFileSync(authority.file, 'utf8'),
    credential: { basic: 'secret:cache' },
  }
  const stage = await setStage({
    policy: (text) =>
      extendPolicy(text, {
        connections: { cache },
        grants: {
          build: ['redis:read cache/app:*', 'redis:subscribe cache/deployments'],
          release: ['redis:write cache/app:*', 'redis:publish cache/deployments'],
        },
      }),
  })
  await stage.operate(['secret', 'set', 'cache'], 'kept:kept-4711')
  return {
    ...{ stage, ask },
    async [Symbol.asyncDispose]() {
      await stage[Symbol.asyncDispose]()
      server.kill('SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function works(
  world: World,
  role: string,
  script: string,
  tools: readonly string[] = [],
  files: Readonly<Record<string, string>> = {},
): Promise<string> {
  const ran = await inStep(world, role, tools, workspaceOf(world, files), script)
  assert.equal(ran.exitCode, 0, `${ran.stdout}${ran.stderr}`)
  return ran.stdout
}

const pythonClient = `
import os, redis
cache = redis.Redis.from_url('rediss://x:mine@${host}:6379', ssl_ca_certs=os.environ['SSL_CERT_FILE'], decode_responses=True)
pipe = cache.pipeline(transaction=True)
pipe.set('app:n', 1).incr('app:n').hset('app:h', mapping={'a': 'b'})
print(pipe.execute(), cache.get('app:n'), cache.hgetall('app:h'))
print(cache.publish('deployments', 'done'))
try:
    cache.get('other')
except redis.exceptions.NoPermissionError as error:
    print('redis:read cache/other' in str(error))
`

export default suite<World>({
  name: 'redis',
  needs: ['redis-server', 'redis-cli'],
  open,
  rows: [
    {
      name: 'redis-cli: with nothing, and refused outside of its grants',
      needs: [],
      async run(world) {
        for (const key of ['app:a', 'private']) world.ask('SET', key, `of ${key}`)
        const out = await works(
          world,
          'build',
          `c="redis-cli -h ${host}"; $c GET app:a; redis-cli --tls --cacert $SSL_CERT_FILE -h ${host} -a mine --no-auth-warning GET app:a
           $c GET private; $c SET app:a x; $c CONFIG GET requirepass; $c ACL LIST; $c FLUSHALL; env | grep -i 4711; true`,
        )
        assert.match(out, /^of app:a\nof app:a\n/)
        for (const grant of ['redis:read cache/private', 'redis:write cache/app:a', 'redis:admin cache'])
          assert.ok(out.includes(`"${grant}"`), out)
        assert.doesNotMatch(out, /4711|of private/)
        assert.deepEqual([world.ask('GET', 'app:a'), world.ask('GET', 'private')], ['of app:a', 'of private'])
      },
    },
    {
      name: 'redis-py: pipelines, transactions, publishing',
      needs: ['redis-py'],
      async run(world) {
        const out = await works(world, 'release', 'redis-py client.py', ['redis-py'], {
          'client.py': pythonClient,
        })
        assert.equal(out, "[True, 2, 1] 2 {'a': 'b'}\n0\nTrue\n")
      },
    },
    {
      name: 'revoked while it listens: cut',
      needs: [],
      async run(world) {
        const ran = inStep(
          world,
          'build',
          [],
          workspaceOf(world),
          `redis-cli -h ${host} SUBSCRIBE deployments; sleep 30`,
        )
        const listening = () => world.ask('PUBSUB', 'NUMSUB', 'deployments').endsWith('1')
        await eventually('it listens', listening)
        await revokeUserOf(world.stage, 'cache')
        await eventually('it is cut', () => !listening())
        assert.notEqual((await ran).exitCode, 0)
      },
    },
  ],
})
