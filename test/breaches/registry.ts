import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'

/** An npm registry: packuments and tarballs of the packages that it was made with. */
export interface Registry {
  answer(path: string, response: ServerResponse): void
  /** A lockfile that pins these, as `name@version`. */
  lock(...pinned: string[]): string
}

export interface Package {
  readonly name: string
  readonly version: string
  readonly scripts?: Readonly<Record<string, string>>
  readonly files?: Readonly<Record<string, string>>
}

const url = 'https://registry.example.com'

export function createRegistry(folder: string, packages: readonly Package[]): Registry {
  const built = packages.map((one) => {
    const content = pack(join(folder, 'packages'), one)
    const integrity = `sha512-${createHash('sha512').update(content).digest('base64')}`
    return { ...one, content, integrity, tarball: `/${one.name}/-/${one.name}-${one.version}.tgz` }
  })
  const manifest = ({ name, version, scripts = {}, integrity, tarball }: (typeof built)[number]) => ({
    ...{ name, version, scripts },
    hasInstallScript: Object.keys(scripts).length > 0,
    dist: { tarball: `${url}${tarball}`, integrity },
  })
  return {
    answer(path, response) {
      const file = built.find(({ tarball }) => tarball === path)
      if (file !== undefined) return void response.writeHead(200).end(file.content)
      const versions = built.filter(({ name }) => path === `/${name}`)
      const last = versions.at(-1)
      if (last === undefined) return void response.writeHead(404).end('{}')
      response.writeHead(200, { 'content-type': 'application/json' }).end(
        JSON.stringify({
          name: last.name,
          'dist-tags': { latest: last.version },
          versions: Object.fromEntries(versions.map((one) => [one.version, manifest(one)])),
        }),
      )
    },
    lock(...pinned) {
      const chosen = built.filter(({ name, version }) => pinned.includes(`${name}@${version}`))
      const dependencies = Object.fromEntries(chosen.map(({ name, version }) => [name, version]))
      const project = { name: 'app', version: '1.0.0', dependencies }
      const locked = chosen.map((one) => [
        `node_modules/${one.name}`,
        {
          version: one.version,
          resolved: `${url}${one.tarball}`,
          integrity: one.integrity,
          ...(one.scripts === undefined ? {} : { hasInstallScript: true }),
        },
      ])
      return JSON.stringify({
        ...project,
        lockfileVersion: 3,
        packages: { '': project, ...Object.fromEntries(locked) },
      })
    },
  }
}

function pack(folder: string, { name, version, scripts = {}, files = {} }: Package): Buffer {
  const root = join(folder, `${name}-${version}`)
  mkdirSync(join(root, 'package'), { recursive: true })
  writeFileSync(join(root, 'package/package.json'), JSON.stringify({ name, version, scripts }))
  for (const [file, text] of Object.entries(files)) writeFileSync(join(root, 'package', file), text)
  execFileSync('tar', ['-C', root, '-czf', join(root, 'p.tgz'), 'package'])
  const content = readFileSync(join(root, 'p.tgz'))
  rmSync(root, { recursive: true })
  return content
}
