import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setStage } from '../../demo/stage.ts'
import { createTestAuthority } from '../certificates.ts'
import { isWhole } from '../whole.ts'

/** Debian has it in a package of its own: libnginx-mod-stream. */
const streamModule = '/usr/lib/nginx/modules/ngx_stream_module.so'

/** Both configurations are those of docs/deployment.md, with this test's ports and files. */
const proxies = {
  haproxy: {
    program: 'haproxy',
    needs: '/usr/sbin/haproxy',
    run: (folder: string) => ['-db', '-f', join(folder, 'haproxy.cfg')],
    configure(folder: string, pair: { cert: string; key: string }, ports: Ports): void {
      writeFileSync(
        join(folder, 'both.pem'),
        readFileSync(pair.cert, 'utf8') + readFileSync(pair.key, 'utf8'),
      )
      const front = (name: string, mode: string, port: number, to: number) => `
frontend ${name}
  mode ${mode}
  bind 127.0.0.1:${port} ssl crt ${join(folder, 'both.pem')}
  timeout client 1h
  default_backend ${name}
backend ${name}
  mode ${mode}
  timeout connect 5s
  timeout server 1h
  server mayfly 127.0.0.1:${to}
`
      writeFileSync(
        join(folder, 'haproxy.cfg'),
        front('api', 'http', ports.api, ports.ownApi) +
          front('gateway', 'tcp', ports.gateway, ports.ownGateway),
      )
    },
  },
  nginx: {
    program: 'nginx',
    needs: streamModule,
    run: (folder: string) => ['-p', folder, '-e', 'error.log', '-c', 'nginx.conf', '-g', 'daemon off;'],
    configure(folder: string, pair: { cert: string; key: string }, ports: Ports): void {
      const tls = `ssl_certificate ${pair.cert}; ssl_certificate_key ${pair.key};`
      const root = process.getuid?.() === 0 ? 'user root;' : ''
      writeFileSync(
        join(folder, 'nginx.conf'),
        `load_module ${streamModule}; ${root}
pid nginx.pid; events {}
http {
  access_log off; client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
  server { listen 127.0.0.1:${ports.api} ssl; ${tls} client_max_body_size 40m; location / { proxy_pass http://127.0.0.1:${ports.ownApi}; } }
}
stream { server { listen 127.0.0.1:${ports.gateway} ssl; ${tls} proxy_timeout 1h; proxy_pass 127.0.0.1:${ports.ownGateway}; } }
`,
      )
    },
  },
}

interface Ports {
  api: number
  gateway: number
  ownApi: number
  ownGateway: number
}

/** Free a moment ago: the proxy's configuration must name them before it starts. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))))
  return ports
}

async function answers(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' })
  const result = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return result
}

async function startProxy(
  t: TestContext,
  kind: keyof typeof proxies,
  folder: string,
  port: number,
): Promise<void> {
  const { program, run } = proxies[kind]
  const child = spawn(program, run(folder), {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: `${process.env['PATH']}:/usr/sbin` },
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  t.after(() => child.kill('SIGTERM'))
  for (let tries = 0; tries < 200; tries++) {
    if (await answers(port)) return
    assert.equal(child.exitCode, null, said)
    await new Promise((next) => setTimeout(next, 50))
  }
  assert.fail(`${program} does not listen: ${said}`)
}

for (const kind of ['haproxy', 'nginx'] as const) {
  const { needs } = proxies[kind]
  const skip = !isWhole ? 'npm run test:whole' : existsSync(needs) ? false : `there is no ${needs}`

  test(`git and npm with ${kind} in front of API and gateway`, { skip }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'mayfly-proxy-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    mkdirSync(join(folder, 'proxy'))
    const authority = await createTestAuthority(folder)
    const pair = await authority.issue('proxy', ['localhost'])
    const [api = 0, gateway = 0, ownApi = 0, ownGateway = 0] = await freePorts(4)
    const ports = { api, gateway, ownApi, ownGateway }
    proxies[kind].configure(join(folder, 'proxy'), pair, ports)
    await startProxy(t, kind, join(folder, 'proxy'), api)
    await using stage = await setStage({
      upArguments: [
        ...['--url', `https://localhost:${api}`, '--gateway-url', `https://localhost:${gateway}`],
        ...['--port', String(ownApi), '--gateway-port', String(ownGateway)],
      ],
      caFile: authority.file,
    })
    const script = 'git clone -q https://git.example.com/octo-org/links . && npm ci --no-audit --no-fund'
    const ran = await stage.runJob(
      ['run', '--role', 'build', '--', 'bash', '-c', script],
      stage.jobEnvironment(),
    )
    assert.equal(ran.exitCode, 0, ran.stderr)
    assert.ok(readdirSync(join(stage.workspace, 'node_modules')).length > 0)
  })
}
