import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificate } from '../demo/peers/git-server.ts'
import { setStage } from '../demo/stage.ts'
import { makeWheel } from '../test/clients/servers/pypiserver.ts'
import { extendPolicy } from '../test/clients/suite.ts'
import { compare, timedStep } from './peers.ts'
import type { BenchResult } from './result.ts'
import { shellSeconds } from './statistics.ts'

const rounds = 5
const projects = 60
const host = 'pypi.example.com'
const pip =
  '/usr/bin/python3 -m pip -q --no-cache-dir --disable-pip-version-check install --no-deps --no-compile'

/**
 * `pip install` of wheels of 20 KB to 1.2 MB, straight from an index on this machine and through the gateway, in turn: with what
 * the gateway keeps of earlier steps, and without.
 */
export async function benchPip(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-bench-pip-'))
  await using started = new AsyncDisposableStack()
  started.defer(() => rmSync(folder, { recursive: true, force: true }))
  const index = started.use(await startIndex(join(folder, 'wheels')))
  const name = `pip install, ${projects} wheels`
  const results: BenchResult[] = []
  for (const [what, cache, most] of [
    [name, 'off', 1.15],
    [`${name}, kept by the gateway`, '{ size: 10GiB }', 0.8],
  ] as const) {
    const { direct, through } = await timePip(index, cache)
    results.push(compare(what, direct, through, most))
  }
  return results
}

async function timePip(index: Index, cache: string): Promise<{ direct: number[]; through: number[] }> {
  const { dial, ca, requirements } = index
  const connections = { pypi: { kind: 'pypi', url: `https://${host}`, dial, ca } }
  await using stage = await setStage({
    policy: (text) =>
      `cache: ${cache}\n${extendPolicy(text, { connections, grants: { build: ['pypi:install pypi'] } })}`,
  })
  const env = stage.jobEnvironment()
  writeFileSync(join(stage.workspace, 'requirements.txt'), requirements)
  const [direct, through]: [number[], number[]] = [[], []]
  for (let round = -1; round < rounds; round++) {
    const straight = await shellSeconds(
      `${pip} --index-url https://${dial}/simple --trusted-host ${dial} --target out -r requirements.txt`,
      { cwd: stage.workspace, env: { ...env, PIP_NO_INDEX: '0' } },
    )
    rmSync(join(stage.workspace, 'out'), { recursive: true })
    const ours = await timedStep(stage, env, `${pip} --target out -r requirements.txt`)
    rmSync(join(stage.workspace, 'out'), { recursive: true })
    // The first round is for the gateway, which keeps what it has passed.
    if (round === -1) continue
    direct.push(straight)
    through.push(ours)
  }
  return { direct, through }
}

interface Index extends AsyncDisposable {
  readonly dial: string
  readonly ca: string
  /** requirements.txt, with hashes. */
  readonly requirements: string
}

/** A simple index (PEP 503) of wheels that do not compress, from memory. */
async function startIndex(folder: string): Promise<Index> {
  mkdirSync(folder, { recursive: true })
  const files = new Map<string, { type: string; body: Buffer }>()
  const lines: string[] = []
  for (let i = 0; i < projects; i++) {
    const name = `bench-${i}`
    const code = `data = "${randomBytes(15_000 * (1 + (i % 60))).toString('base64')}"\n`
    const { file, sha256 } = makeWheel(folder, name, '1.0', { code })
    files.set(`/files/${file}`, { type: 'application/zip', body: readFileSync(join(folder, file)) })
    const page = `<!DOCTYPE html><html><body><a href="/files/${file}#sha256=${sha256}">${file}</a></body></html>`
    files.set(`/simple/${name}/`, { type: 'text/html', body: Buffer.from(page) })
    lines.push(`${name}==1.0 --hash=sha256:${sha256}`)
  }
  const { ca, cert, key } = await makeCertificate(host)
  const server = createServer({ cert, key }, (request, response) => {
    const found = files.get(request.url ?? '')
    if (found === undefined) return void response.writeHead(404).end()
    response
      .writeHead(200, { 'content-type': found.type, 'content-length': found.body.length })
      .end(found.body)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  return {
    ca,
    dial: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requirements: `${lines.join('\n')}\n`,
    [Symbol.asyncDispose]: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}
