import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificate } from '../demo/peers/git-server.ts'
import { setStage } from '../demo/stage.ts'
import { freePort, untilAnswers } from '../test/clients/servers/tls-front.ts'
import { extendPolicy } from '../test/clients/suite.ts'
import { timedStep } from './peers.ts'
import type { BenchResult } from './result.ts'
import { median, shellSeconds } from './statistics.ts'

const rounds = 5
const connections = 200
const requests = 2_000
const host = 'files.example.com'
const bearer = 'crowd-of-two-hundred'

/** 2,000 files of 16 KB over 200 connections at once: straight, through the gateway, and through nginx that adds the same header. */
export async function benchCrowd(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-bench-crowd-'))
  await using started = new AsyncDisposableStack()
  started.defer(() => rmSync(folder, { recursive: true, force: true }))
  const { ca, cert, key } = await makeCertificate(host)
  const upstream = started.use(await startFiles({ cert, key }))
  const nginx = await startNginx(folder, { cert, key, port: upstream.port })
  if (nginx !== undefined) started.use(nginx)
  const files = { kind: 'http', url: `https://${host}`, dial: `127.0.0.1:${upstream.port}`, ca }
  const stage = started.use(
    await setStage({
      policy: (text) =>
        extendPolicy(text, {
          connections: { files: { ...files, credential: { bearer: 'secret:files' } } },
          grants: { build: ['http:get files/f/*'] },
        }),
    }),
  )
  await stage.operate(['secret', 'set', 'files'], bearer)
  const env = stage.jobEnvironment()
  // curl reads the authorities that it trusts for each connection: the same one on all three ways.
  const fetchAll = (trusted: string, more = '') =>
    `curl -fsSZ --no-progress-meter --http1.1 --parallel-immediate --parallel-max ${connections} --cacert ${trusted} ${more} -o /dev/null "https://${host}/f/[1-${requests}]"`
  writeFileSync(join(folder, 'ca.pem'), ca)
  const at = (port: number) => `--connect-to ${host}:443:127.0.0.1:${port}`
  const withToken = `-H "Authorization: Bearer ${bearer}"`
  const [direct, ours, theirs]: [number[], number[], number[]] = [[], [], []]
  for (let round = 0; round < rounds; round++) {
    const here = { cwd: folder, env: { ...process.env } }
    direct.push(await shellSeconds(fetchAll('ca.pem', `${at(upstream.port)} ${withToken}`), here))
    if (nginx !== undefined) theirs.push(await shellSeconds(fetchAll('ca.pem', at(nginx.port)), here))
    ours.push(await timedStep(stage, env, fetchAll('/run/mayfly/ca.pem')))
  }
  const name = `${requests} files over ${connections} connections`
  const beside = (what: string, times: readonly number[]): BenchResult => ({
    name: `${name}, beside ${what}`,
    value: median(ours),
    unit: 's',
    ratio: median(ours) / median(times),
    against: `${what}: ${median(times).toFixed(2)} s`,
  })
  return [beside('direct', direct), ...(nginx === undefined ? [] : [beside('nginx', theirs)])]
}

async function startFiles(pair: {
  readonly cert: string
  readonly key: string
}): Promise<AsyncDisposable & { readonly port: number }> {
  const body = randomBytes(16_384)
  const server = createServer(pair, (request, response) => {
    const known = request.headers.authorization === `Bearer ${bearer}`
    response.writeHead(known ? 200 : 401, { 'content-length': body.length }).end(body)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

/** nginx as a proxy that ends TLS, adds the header and speaks TLS to the server; undefined where there is none. */
async function startNginx(
  folder: string,
  { cert, key, port }: { readonly cert: string; readonly key: string; readonly port: number },
): Promise<(AsyncDisposable & { readonly port: number }) | undefined> {
  if (spawnSync('nginx', ['-v']).status !== 0) return undefined
  const own = await freePort()
  writeFileSync(join(folder, 'cert.pem'), cert)
  writeFileSync(join(folder, 'key.pem'), key)
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; worker_rlimit_nofile 4096; pid ${folder}/nginx.pid; error_log stderr crit;
events { worker_connections 2048; }
http {
  access_log off; proxy_temp_path ${folder}/t; client_body_temp_path ${folder}/b;
  fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  upstream files { server 127.0.0.1:${port}; keepalive 200; }
  server {
    listen 127.0.0.1:${own} ssl; ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem;
    location / {
      proxy_pass https://files; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Authorization "Bearer ${bearer}";
    }
  }
}
`,
  )
  const child = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' })
  await untilAnswers(own, child)
  return {
    port: own,
    [Symbol.asyncDispose]: () =>
      new Promise((done) => {
        child.once('exit', () => done())
        child.kill('SIGTERM')
      }),
  }
}
