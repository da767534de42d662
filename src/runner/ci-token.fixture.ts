import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

const b64 = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Looks like a token and is none: what fetches one does not verify it. */
export const token = `${b64({ alg: 'ES256' })}.${b64({ iss: 'https://ci.test', sub: 'job-7', aud: 'x' })}.c2ln`

/** A request as an endpoint saw it. */
export interface Seen {
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: IncomingMessage['headers']
}

/** A real HTTP server on the loopback, written after a published reference; stopped with the test. */
export async function startEndpoint(
  t: TestContext,
  answer: (request: Seen, response: ServerResponse) => void,
): Promise<{ readonly host: string; readonly seen: Seen[] }> {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://endpoint')
    const one = {
      method: request.method ?? '',
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: request.headers,
    }
    seen.push(one)
    answer(one, response)
  }).listen(0, '127.0.0.1')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  await once(server, 'listening')
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

/** A folder that is gone after the test. */
export function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-token-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A program in `folder` that is this shell script. */
export function plantProgram(folder: string, name: string, script: string): string {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, name)
  writeFileSync(file, `#!/bin/sh\n${script}\n`)
  chmodSync(file, 0o755)
  return file
}
