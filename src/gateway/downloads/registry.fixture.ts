import { createHash } from 'node:crypto'
import type { TestContext } from 'node:test'
import { packLockfiles } from '../../lockfiles/index.ts'
import type { KeptFiles } from './kept-files.ts'
import { compileRules, openWorld, type Answer, type World } from '../gateway.fixture.ts'
import { startUpstream } from '../upstream.fixture.ts'

export const registryHost = 'npm.test'
export const tarballOf = (name: string) => `/${name}/-/${name.replace(/^.*\//, '')}-1.0.0.tgz`
export const integrityOf = (bytes: Buffer | string) =>
  `sha512-${createHash('sha512').update(bytes).digest('base64')}`

export interface RegistryWorld {
  readonly world: World
  /** By package: what the registry has as its version 1.0.0. Change it, and the registry has another file. */
  readonly files: Map<string, Buffer>
  /** Headers of the next answers. */
  headers: Record<string, string>
  /** Changes the keys of its connection. */
  setRules(rules: Record<string, unknown>): void
  /** Paths that reached the registry. */
  readonly asked: () => (string | undefined)[]
  /** A new step that has pinned version 1.0.0 of these packages by what they are now. */
  step(
    names?: readonly string[],
    integrity?: string,
  ): Promise<{ get(name: string): Promise<Answer>; step: World['step'] }>
}

/** A gateway before a registry; `rules` are keys of its connection. */
export async function registryWorld(
  t: TestContext,
  rules: Record<string, unknown> = {},
  names: readonly string[] = ['a', 'b', '@octo/d'],
  kept?: KeptFiles,
): Promise<RegistryWorld> {
  const world = await openWorld(t, kept === undefined ? {} : { kept })
  const upstream = await startUpstream(t, registryHost)
  const files = new Map(names.map((name) => [name, Buffer.from(`the tarball of ${name}`)]))
  upstream.handle = (request, response) => {
    const name = [...files.keys()].find((one) => request.url === tarballOf(one))
    const body = name === undefined ? '{}' : (files.get(name) ?? '')
    response.writeHead(200, { 'content-length': Buffer.byteLength(body), ...opened.headers }).end(body)
  }
  const npm = {
    kind: 'npm',
    url: `https://${registryHost}`,
    dial: `127.0.0.1:${upstream.port}`,
    ca: upstream.ca,
  }
  function setRules(more: Record<string, unknown>): void {
    const compiled = compileRules({ npm: { ...npm, credential: { bearer: 'secret:npm' }, ...more } }, [
      'npm:install npm',
    ])
    world.setTargets(compiled.targets, compiled.policy)
  }
  setRules(rules)
  const opened: RegistryWorld = {
    world,
    files,
    setRules,
    headers: {},
    asked: () => upstream.begun.map(({ url }) => url),
    async step(pinned = names, integrity) {
      const step = world.brokers.open(world.signer.jkt)
      const packages = Object.fromEntries(
        pinned.map((name) => [
          `node_modules/${name}`,
          { version: '1.0.0', integrity: integrity ?? integrityOf(files.get(name) ?? '') },
        ]),
      )
      const text = JSON.stringify({ lockfileVersion: 3, packages })
      await world.gateway.pinLockfiles(step, packLockfiles([{ path: 'package-lock.json', text }]))
      const get = (name: string) =>
        world.ask(`GET ${tarballOf(name)} HTTP/1.1\r\nHost: ${registryHost}\r\nConnection: close\r\n\r\n`, {
          authority: `${registryHost}:443`,
          as: step,
        })
      return { get, step }
    },
  }
  return opened
}

export function downloadedBy(world: World, step: World['step']): Record<string, unknown>[] {
  return world.audit
    .ofType('packages.downloaded')
    .filter(({ subject }) => subject === step.id)
    .flatMap(({ data }) => data['packages'] as Record<string, unknown>[])
}
