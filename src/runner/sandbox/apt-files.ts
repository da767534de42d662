import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { caBundleInside } from './inside.ts'

/**
 * What apt reads in a step, by APT_CONFIG: its lists and packages lie in a folder that the step has for itself, since /var is not
 * its own; it stays who it is, since there is no other user; and the gateway gives whole indexes, whose first it takes anew.
 */
export const aptConfig = `Dir::State "/tmp/apt/";
Dir::Cache "/tmp/apt/";
APT::Sandbox::User "root";
Acquire::https::CAInfo "${caBundleInside}";
Acquire::PDiffs "false";
`

/** The same for apt in a container that is built in a step: its folders are the container's own. */
export const aptConfigNested = aptConfig
  .split('\n')
  .filter((line) => line.startsWith('APT::Sandbox') || line.startsWith('Acquire::PDiffs'))
  .join('\n')

const maxFiles = 100
const maxBytes = 1_048_576

/**
 * The machine's own sources of packages, by their names below /etc/apt. A file with a password in it stays outside, and so does
 * everything else that is there: auth.conf for one.
 */
export function aptSources(etc = '/etc/apt'): Readonly<Record<string, string>> {
  const names = [
    'sources.list',
    ...listed(join(etc, 'sources.list.d')).map((name) => `sources.list.d/${name}`),
  ]
  const found = names
    .filter((name) => /\.(?:list|sources)$/.test(name))
    .slice(0, maxFiles)
    .flatMap((name) => {
      const text = textOf(join(etc, name))
      return text === undefined || /:\/\/[^/\s]*@/.test(text) ? [] : [[name, text] as const]
    })
  return Object.fromEntries(found)
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted()
  } catch {
    return []
  }
}

function textOf(file: string): string | undefined {
  try {
    const { size } = statSync(file)
    return size <= maxBytes ? readFileSync(file, 'utf8') : undefined
  } catch {
    return undefined
  }
}
