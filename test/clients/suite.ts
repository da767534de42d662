import { accessSync, constants } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { parseDocument } from 'yaml'
import { readEnvironment } from '../../src/config/environment.ts'
import { peerFolders } from './peers.ts'

/** Clients that share a server and a stage. A client is a row: it runs unmodified, in a step, and throws why it failed. */
export interface Suite<World extends AsyncDisposable = AsyncDisposable> {
  readonly name: string
  /** Programs without which no row runs: the server, mostly. */
  readonly needs: readonly string[]
  /** All of its rows are. */
  readonly slow?: true
  open(): Promise<World>
  readonly rows: readonly Row<World>[]
}

export interface Row<World> {
  readonly name: string
  /** Programs of the machine, or peers (`npm run peers`), beside those of the suite. */
  readonly needs: readonly string[]
  /** Left to `npm run clients` and `npm run test:whole`: it takes long, and a row beside it goes the same way. */
  readonly slow?: true
  run(world: World): Promise<void>
}

export interface Outcome {
  readonly name: string
  readonly ok: boolean
  readonly note: string
}

/** Keeps the type of the suite's world within it. */
export function suite<World extends AsyncDisposable>(one: Suite<World>): Suite {
  return one
}

/** Runs the rows one after the other; calls `tell` with each. */
export async function runSuite(one: Suite, tell: (outcome: Outcome) => void): Promise<void> {
  const nameOf = (row: Row<AsyncDisposable>) => `${one.name}: ${row.name}`
  const able = one.rows.filter((row) => missingOf(one, row) === undefined)
  for (const row of one.rows) {
    const missing = missingOf(one, row)
    if (missing !== undefined) tell({ name: nameOf(row), ok: false, note: missing })
  }
  if (able.length === 0) return
  try {
    await using world = await one.open()
    for (const row of able) {
      const began = performance.now()
      const note = await row.run(world).then(
        () => undefined,
        (error: unknown) => lineOf(error),
      )
      const took = `${((performance.now() - began) / 1000).toFixed(1)} s`
      tell({ name: nameOf(row), ok: note === undefined, note: note ?? took })
    }
  } catch (error) {
    tell({ name: one.name, ok: false, note: `its servers do not start: ${lineOf(error)}` })
  }
}

/** Why a row cannot run on this machine; undefined if it can. */
export function missingOf(one: Suite, row: Row<AsyncDisposable>): string | undefined {
  const missing = [...one.needs, ...row.needs].filter((name) => findProgram(name) === undefined)
  return missing.length === 0
    ? undefined
    : `not on this machine: ${missing.join(', ')} (npm run peers, or your package manager)`
}

/** Where a program is: among the peers that were built, or on the PATH. */
export function findProgram(name: string): string | undefined {
  const folders = [
    ...peerFolders(),
    ...(readEnvironment().variables['PATH'] ?? '').split(delimiter),
    '/usr/sbin',
    '/sbin',
  ].filter((folder) => folder !== '' && !folder.includes('node_modules'))
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

/** `--tools ROOT`, in which `bin` is, for programs that are not among the system's, which a step sees anyway. */
export function toolsFor(names: readonly string[]): string[] {
  const folders = names.flatMap((name) => {
    const path = findProgram(name)
    return path === undefined || /^\/(?:usr|opt|bin|sbin)\//.test(path) ? [] : [dirname(dirname(path))]
  })
  return [...new Set(folders)].flatMap((folder) => ['--tools', folder])
}

/** A policy with more connections, and more grants for roles that it has. */
export function extendPolicy(
  text: string,
  more: {
    connections: Readonly<Record<string, unknown>>
    grants: Readonly<Record<string, readonly string[]>>
  },
): string {
  const document = parseDocument(text)
  for (const [name, one] of Object.entries(more.connections)) document.setIn(['connections', name], one)
  for (const [role, grants] of Object.entries(more.grants))
    for (const grant of grants) document.addIn(['roles', role, 'grants'], grant)
  return document.toString()
}

function lineOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.replaceAll(/\s+/g, ' ').slice(0, 300)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
