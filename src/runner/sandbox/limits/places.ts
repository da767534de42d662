import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Where control groups are to be made: folders, as this process sees them. */
export interface Places {
  /** This process's own folder in the one hierarchy of version 2, and those above it, nearest first; empty if there is none. */
  readonly v2: readonly string[]
  /** By controller (`memory`, `pids`, `cpu`): this process's own folder in its hierarchy of version 1. */
  readonly v1: Readonly<Record<string, string>>
}

/** From /proc/self/mountinfo and /proc/self/cgroup (proc_pid_mountinfo(5), cgroups(7)). */
export function findPlaces(
  mountinfo: string = readIfThere('/proc/self/mountinfo'),
  cgroup: string = readIfThere('/proc/self/cgroup'),
): Places {
  const mounts = mountinfo.split('\n').flatMap(mountOf)
  const v1: Record<string, string> = {}
  let v2: readonly string[] = []
  for (const line of cgroup.split('\n')) {
    const [, names, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? []
    if (names === undefined || path === undefined) continue
    const controllers = names.split(',')
    const mount = mounts.find(({ type, options }) =>
      names === '' ? type === 'cgroup2' : type === 'cgroup' && controllers.every((name) => options.has(name)),
    )
    const own = mount === undefined ? undefined : below(mount, path)
    if (mount === undefined || own === undefined) continue
    if (names === '') v2 = upTo(mount.point, own)
    else for (const name of controllers) v1[name] = own
  }
  return { v2, v1 }
}

interface Mount {
  readonly root: string
  readonly point: string
  readonly type: string
  readonly options: ReadonlySet<string>
}

function mountOf(line: string): Mount[] {
  const [left = '', right = ''] = line.split(' - ')
  const [, , , root, point] = left.split(' ')
  const [type, , options = ''] = right.split(' ')
  if (root === undefined || point === undefined || (type !== 'cgroup' && type !== 'cgroup2')) return []
  return [{ root: plain(root), point: plain(point), type, options: new Set(options.split(',')) }]
}

/** The folder of a path of the hierarchy, which the mount may show only a part of. */
function below({ root, point }: Mount, path: string): string | undefined {
  // Outside of what the mount shows, as `/..` says where a namespace of control groups hides it.
  if (path.split('/').includes('..')) return undefined
  const inside = root === '/' ? path : path.slice(root.length)
  if (root !== '/' && path !== root && !path.startsWith(`${root}/`)) return undefined
  return join(point, inside).replace(/\/$/, '')
}

function upTo(top: string, own: string): string[] {
  const folders = [own]
  for (let folder = own; folder !== top && folder.startsWith(`${top}/`);) {
    folder = dirname(folder)
    folders.push(folder)
  }
  return folders
}

/** Spaces and the like stand there as \040. */
function plain(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_all, code: string) => String.fromCharCode(parseInt(code, 8)))
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
