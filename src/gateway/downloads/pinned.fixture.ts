import { createHash } from 'node:crypto'
import type { TestContext } from 'node:test'
import { packLockfiles } from '../../lockfiles/index.ts'
import { compileRules, openWorld } from '../gateway.fixture.ts'
import { startUpstream } from '../upstream.fixture.ts'

const host = 'npm.test'
export const bytesOf = (name: string) => Buffer.from(`the tarball of ${name}`)
export const names = ['a', 'b', 'c', '@octo/d']
export const tarballOf = (name: string) => `/${name}/-/${name.replace(/^.*\//, '')}-1.0.0.tgz`

/** A registry of a few packages that the step's lockfile pins. */
export async function registryWorld(t: TestContext, grants: readonly string[] = ['npm:install npm']) {
  const world = await openWorld(t)
  const upstream = await startUpstream(t, host)
  upstream.handle = (request, response) => {
    const name = names.find((one) => request.url === tarballOf(one))
    response.writeHead(200).end(name === undefined ? '{}' : bytesOf(name))
  }
  const npm = { kind: 'npm', url: `https://${host}`, dial: `127.0.0.1:${upstream.port}`, ca: upstream.ca }
  const rules = compileRules({ npm: { ...npm, credential: { bearer: 'secret:npm' } } }, grants)
  world.setTargets(rules.targets, rules.policy)
  const lock = {
    lockfileVersion: 3,
    packages: Object.fromEntries(
      names.map((name) => [
        `node_modules/${name}`,
        {
          version: '1.0.0',
          integrity: `sha512-${createHash('sha512').update(bytesOf(name)).digest('base64')}`,
        },
      ]),
    ),
  }
  await world.gateway.pinLockfiles(
    world.step,
    packLockfiles([{ path: 'package-lock.json', text: JSON.stringify(lock) }]),
  )
  const get = (path: string) =>
    world.ask(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`, {
      authority: `${host}:443`,
    })
  return { world, upstream, get }
}
