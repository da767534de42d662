import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { makeCertificate } from '../demo/peers/git-server.ts'

/** A registry on this machine: what the real one answered the first time, from memory ever after. */
export interface PackageServer extends AsyncDisposable {
  readonly url: string
  readonly dial: string
  readonly ca: string
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: Buffer
}

/** Packages of `registry` under the name `host`. Its documents are passed on as they are: a lockfile names the files by itself. */
export async function startPackageServer(
  { registry }: { registry: string },
  host: string,
): Promise<PackageServer> {
  const { ca, cert, key } = await makeCertificate(host)
  const answers = new Map<string, Promise<Answer>>()

  async function fetchAnswer(path: string): Promise<Answer> {
    const answer = await fetch(`${registry}${path}`)
    return {
      status: answer.status,
      type: answer.headers.get('content-type') ?? 'application/octet-stream',
      body: Buffer.from(await answer.arrayBuffer()),
    }
  }

  const server = createServer({ cert, key }, (request, response) => {
    const path = request.url ?? '/'
    const known = answers.get(path) ?? fetchAnswer(path)
    answers.set(path, known)
    known.then(
      ({ status, type, body }) => {
        response.writeHead(status, { 'content-type': type, 'content-length': body.length }).end(body)
      },
      () => {
        answers.delete(path)
        response.writeHead(502).end()
      },
    )
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return {
    url: `https://${host}`,
    dial: `127.0.0.1:${port}`,
    ca,
    [Symbol.asyncDispose]: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}
