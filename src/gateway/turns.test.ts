import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { test, type TestContext } from 'node:test'
import { openCargo, publication } from './cargo/cargo.fixture.ts'
import { compileRules, openWorld, request, until, type Answer, type World } from './gateway.fixture.ts'
import { makeGem } from './rubygems/gem.fixture.ts'
import { openNpm } from './npm/npm.fixture.ts'
import { openIndexWorld } from './pypi/pypi.fixture.ts'
import { startUpstream, type Upstream } from './upstream.fixture.ts'

/** Publishes one version, and the same again with another content, at a registry that this upstream plays. */
interface Publishing {
  readonly world: World
  readonly upstream: Upstream
  publish(content: string): Promise<Answer>
}

const kinds: Readonly<Record<string, (t: TestContext) => Promise<Publishing>>> = {
  async npm(t) {
    const { world, registry, ask } = await openNpm(t, { grants: ['npm:publish npm/app@1.*'] })
    const publish = (content: string) => {
      const data = Buffer.from(content).toString('base64')
      const versions = { '1.0.0': { name: 'app', version: '1.0.0' } }
      const document = { name: 'app', versions, _attachments: { 'app-1.0.0.tgz': { data } } }
      return ask('PUT', '/app', JSON.stringify(document), { 'content-type': 'application/json' })
    }
    return { world, upstream: registry.upstream, publish }
  },
  async cargo(t) {
    const { world, upstream, put } = await openCargo(t, { grants: ['cargo:publish cargo/words@1.*'] })
    const about = { name: 'words', vers: '1.0.0', deps: [] }
    return { world, upstream, publish: (content) => put('/api/v1/crates/new', publication(about, content)) }
  },
  async maven(t) {
    const { world, upstream, ask } = await openAt(t, 'maven', 'maven:publish at/com.example:app@1.*')
    return { world, upstream, publish: (body) => ask('PUT', '/com/example/app/1.0/app-1.0.jar', body) }
  },
  async rubygems(t) {
    const { world, upstream, ask } = await openAt(t, 'rubygems', 'rubygems:publish at/octo-hello@1.*')
    const gem = (content: string) => makeGem('octo-hello', '1.0.0', undefined, content)
    return { world, upstream, publish: (content) => ask('POST', '/api/v1/gems', gem(content)) }
  },
  async pypi(t) {
    const { world, ask } = await openIndexWorld(t, ['pypi:publish pypi/octo-new@1.*'])
    const publish = (content: string) => {
      const sha256 = createHash('sha256').update(content).digest('hex')
      const fields = { ':action': 'file_upload', name: 'octo-new', version: '1.2', sha256_digest: sha256 }
      const parts = Object.entries(fields).map(
        ([name, value]) => `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
      )
      const file = `--b\r\nContent-Disposition: form-data; name="content"; filename="octo_new-1.2.tar.gz"\r\n\r\n${content}\r\n--b--\r\n`
      const headers = { 'content-type': 'multipart/form-data; boundary=b' }
      return ask('POST', '/', { headers, body: Buffer.from(`${parts.join('')}${file}`) })
    }
    return { world, upstream: world.upstream, publish }
  },
}

/** A connection `at` of that kind. */
async function openAt(t: TestContext, kind: string, grant: string) {
  const [world, host] = [await openWorld(t), 'registry.test']
  const upstream = await startUpstream(t, host)
  const connection = { kind, url: `https://${host}`, dial: `127.0.0.1:${upstream.port}`, ca: upstream.ca }
  const { targets, policy } = compileRules({ at: { ...connection, credential: { basic: 'secret:x' } } }, [
    grant,
  ])
  world.setTargets(targets, policy)
  const ask = (method: string, path: string, body: string | Buffer) =>
    world.ask(request(method, path, { host, body }), { authority: `${host}:443` })
  return { world, upstream, ask }
}

type Send = (request: IncomingMessage, response: ServerResponse) => void

/** Publishes two at one moment; the registry answers what is sent only once both are granted, and never shows what it took. */
async function publishTwo({ world, upstream, publish }: Publishing, answers: readonly number[]) {
  const sent: string[] = []
  const ask: Send = (_request, response) => void response.writeHead(404).end('{}')
  const usual = upstream.handle
  upstream.handle = (incoming, response) => {
    if (incoming.url === '/config.json') return usual(incoming, response)
    if (incoming.method !== 'PUT' && incoming.method !== 'POST') return ask(incoming, response)
    sent.push(upstream.seen.at(-1)?.body.toString('latin1') ?? '')
    const status = answers[sent.length - 1] ?? 500
    void until(() => world.audit.ofType('access.granted').length === 2).then(() =>
      response.writeHead(status).end('{}'),
    )
  }
  const both = await Promise.all([publish('the one'), publish('the other')])
  return { sent, both }
}

for (const [kind, open] of Object.entries(kinds)) {
  test(`${kind}: of two that publish one version at one moment the second is told that it is there`, async (t) => {
    const { sent, both } = await publishTwo(await open(t), [200])
    assert.equal(sent.length, 1)
    const [refused, ...others] = both.filter(({ status }) => status !== 200)
    assert.equal(others.length, 0)
    assert.match(refused?.body ?? '', /(?:is there already|already exists)/)
  })

  test(`${kind}: the second takes its turn where the registry did not take the first`, async (t) => {
    const { sent, both } = await publishTwo(await open(t), [500, 200])
    assert.equal(sent.length, 2)
    assert.equal(both.filter(({ status }) => status === 200).length, 1)
  })
}
